import { type BusOptions, connectBus, NatsTooOld, RpcError } from '@gatehouse/bus';
import { pause } from '@gatehouse/event-store';
import type { NatsConnection } from '@nats-io/transport-node';

type OnConnected = (nc: NatsConnection) => void;

/**
 * The service's connection to NATS, which may come late, go and come back: a service starts and answers without it.
 * After the first connection the client reconnects by itself; subscriptions and consumers outlive that.
 */
export class BusLink {
  readonly #options: BusOptions & { readonly onError: (error: Error) => void };
  readonly #stopped = new AbortController();
  readonly #waiting: OnConnected[] = [];
  #nc: NatsConnection | undefined;
  #loop: Promise<void> = Promise.resolve();
  #connected = false;
  #problem = 'not connected yet';

  constructor(options: BusOptions & { readonly onError: (error: Error) => void }) {
    this.#options = options;
  }

  /** What keeps the link from working, or undefined. */
  get problem(): string | undefined {
    return this.#connected ? undefined : this.#problem;
  }

  /** The connection. @throws RpcError `unavailable` before the first one */
  get nc(): NatsConnection {
    if (!this.#nc) throw new RpcError('unavailable', `NATS: ${this.#problem}`);
    return this.#nc;
  }

  /** Runs once, when the first connection stands: the place to subscribe. */
  whenConnected(callback: OnConnected): void {
    if (this.#nc) callback(this.#nc);
    else this.#waiting.push(callback);
  }

  start(): this {
    this.#loop = this.#connect();
    return this;
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#loop;
    await this.#nc?.drain().catch(() => this.#nc?.close());
  }

  async #connect(): Promise<void> {
    while (!this.#stopped.signal.aborted && !this.#nc) {
      try {
        this.#nc = await connectBus({ ...this.#options, onStatus: (status, detail) => this.#report(status, detail) });
      } catch (error) {
        this.#problem = error instanceof NatsTooOld ? error.message : 'cannot be reached';
        this.#options.onError(error as Error);
        await pause(1_000, this.#stopped.signal);
      }
    }
    if (!this.#nc) return;
    this.#report('connected', this.#nc.getServer());
    for (const callback of this.#waiting.splice(0)) callback(this.#nc);
  }

  #report(status: 'connected' | 'disconnected', detail: string): void {
    this.#connected = status === 'connected';
    if (status === 'disconnected') this.#problem = 'connection lost';
    this.#options.onStatus?.(status, detail);
  }
}
