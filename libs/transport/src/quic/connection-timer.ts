import type { Connection } from './native.js';

/** What a peer says by itself while it waits for us; one that answers us says more. */
const aliveBursts = 4;

/**
 * The one timer of a connection: what quiche waits for, a keepalive, and how long the peer may be silent when we have reason to
 * doubt it. Set anew only when something is due earlier; when it fires too early it asks again.
 */
export class ConnectionTimer {
  #timer: NodeJS.Timeout | undefined;
  #dueAt = Number.POSITIVE_INFINITY;
  #quicheDueAt = Number.POSITIVE_INFINITY;
  heardAt = performance.now();
  #pingedAt = 0;
  /** Times in a row that quiche waited in vain, and between which the peer was hardly heard. */
  timeouts = 0;
  #heard = 0;

  constructor(
    private readonly connection: Connection,
    private readonly keepAliveMs: number,
    private readonly onFired: () => void,
  ) {}

  heard(): void {
    this.heardAt = performance.now();
    this.#heard++;
  }

  /** After packets went out or came in. */
  arm(): void {
    const now = performance.now();
    const quiche = this.connection.timeout();
    if (quiche === null) return;
    this.#quicheDueAt = now + quiche;
    const keepAlive = Math.max(this.heardAt, this.#pingedAt) + this.keepAliveMs;
    const dueAt = Math.min(now + quiche, keepAlive);
    if (this.#timer && this.#dueAt <= dueAt + 1) return;
    clearTimeout(this.#timer);
    this.#dueAt = dueAt;
    this.#timer = setTimeout(this.#fire, Math.max(1, dueAt - now));
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#dueAt = Number.POSITIVE_INFINITY;
  }

  readonly #fire = (): void => {
    this.#timer = undefined;
    this.#dueAt = Number.POSITIVE_INFINITY;
    const now = performance.now();
    if (now + 1 >= this.#quicheDueAt) this.#countTimeout();
    // Does nothing unless something is due.
    this.connection.onTimeout();
    if (now - Math.max(this.heardAt, this.#pingedAt) >= this.keepAliveMs - 1) {
      this.#pingedAt = now;
      this.connection.sendAckEliciting();
    }
    this.onFired();
    this.arm();
  };
  #countTimeout(): void {
    this.timeouts = this.#heard > aliveBursts ? 1 : this.timeouts + 1;
    this.#heard = 0;
  }
}
