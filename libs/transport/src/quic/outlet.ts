import type { Socket } from 'node:dgram';

const slabBytes = 256 * 1_024;
/** Datagrams that the kernel did not take at once and Node keeps for us. */
const fullAt = 1 << 20;

/** Where packets are written to, one behind the other; shared by all connections, because each is handed on before the next. */
let slab = Buffer.allocUnsafeSlow(slabBytes);
let used = 0;

/** One UDP socket for what goes out: without a promise, a callback or a look-up per packet. */
export class Outlet {
  #closed = false;

  /**
   * @param connected the kernel knows where to
   * @param onRefused the other machine's kernel says that nobody listens there
   */
  constructor(
    readonly socket: Socket,
    private readonly connected: boolean,
    private readonly onRefused: (error: NodeJS.ErrnoException) => void = () => undefined,
  ) {}

  get isFull(): boolean {
    return this.#waiting() > fullAt;
  }

  /** After a row of packets: what the kernel has taken may be overwritten, what still waits may not. */
  finish(): void {
    if (this.#waiting() > 0) slab = Buffer.allocUnsafeSlow(slabBytes);
    used = 0;
  }

  /** Room for one packet. */
  room(length: number): Buffer {
    if (used + length > slabBytes) {
      slab = Buffer.allocUnsafeSlow(slabBytes);
      used = 0;
    }
    return slab.subarray(used, used + length);
  }

  /**
   * Sends the packet that was written to the last room. Lost when the kernel won't: that is what retransmission is for.
   *
   * @param listens whether a refusal is heard of. The kernel tells it once, to whoever calls it next: the socket, which reads, or the
   *   packet after the one that was refused, which does not go out then. With a callback for each packet that would be too dear.
   */
  send(length: number, host: string, port: number, listens = false): void {
    if (this.#closed) return;
    if (this.connected) this.socket.send(slab, used, length, listens ? this.#sent : undefined);
    else this.socket.send(slab, used, length, port, host);
    used += length;
  }

  readonly #sent = (error: NodeJS.ErrnoException | null): void => {
    if (error?.code === 'ECONNREFUSED') this.onRefused(error);
  };

  #waiting(): number {
    if (this.#closed) return 0;
    try {
      return this.socket.getSendQueueSize();
    } catch {
      this.#closed = true;
      return 0;
    }
  }
}

/** For sockets that only ever see addresses: no look-up. */
export const noLookup = ((host: string, options: unknown, done: unknown): void => {
  const callback = (typeof options === 'function' ? options : done) as (e: null, host: string, family: number) => void;
  callback(null, host, host.includes(':') ? 6 : 4);
}) as never;
