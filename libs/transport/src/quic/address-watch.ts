import type { Socket } from 'node:dgram';
import { closeQuietly, localOf, openSocket } from './client-socket.js';
import type { Host } from './native.js';
import { Outlet } from './outlet.js';
import type { QuicCarrier } from './quic-carrier.js';

/** How often we ask the kernel which address it would send from now. It costs one socket, and no packet. */
const lookMs = 1_000;

/** The client's socket: hands on what comes, and moves the connection to another when the machine's address has changed. */
export class AddressWatch {
  readonly #timer: NodeJS.Timeout;
  #stopped = false;
  #looking = false;

  constructor(
    private readonly carrier: QuicCarrier,
    private socket: Socket,
    private readonly remote: Host,
    private readonly onRefused: (error: NodeJS.ErrnoException) => void,
  ) {
    this.#use(socket);
    this.#timer = setInterval(() => void this.look(), lookMs);
    this.#timer.unref();
  }

  /** Is the address still ours, and the one that leads to the server? */
  async look(): Promise<void> {
    if (this.#looking || this.#stopped) return;
    this.#looking = true;
    try {
      const fresh = await openSocket(this.remote);
      if (this.#stopped || localOf(fresh).host === localOf(this.socket).host) closeQuietly(fresh);
      else this.move(fresh);
    } catch {
      // No way to the server at the moment.
    } finally {
      this.#looking = false;
    }
  }

  move(fresh: Socket): void {
    const old = this.socket;
    if (!this.carrier.migrate(new Outlet(fresh, true, this.onRefused), localOf(fresh), this.remote)) {
      closeQuietly(fresh);
      return;
    }
    this.socket = fresh;
    this.#use(fresh);
    closeQuietly(old);
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    closeQuietly(this.socket);
  }

  #use(socket: Socket): void {
    const info = { from: this.remote, to: localOf(socket) };
    socket.on('message', (datagram: Buffer) => this.carrier.receive(datagram, info));
    socket.on('error', (error: NodeJS.ErrnoException) => this.onRefused(error));
  }
}
