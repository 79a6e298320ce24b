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

  /** @param connected the kernel knows where to */
  constructor(
    readonly socket: Socket,
    private readonly connected: boolean,
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

  /** Sends the packet that was written to the last room. Lost when the kernel won't: that is what retransmission is for. */
  send(length: number, host: string, port: number): void {
    if (this.#closed) return;
    if (this.connected) this.socket.send(slab, used, length);
    else this.socket.send(slab, used, length, port, host);
    used += length;
  }

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
