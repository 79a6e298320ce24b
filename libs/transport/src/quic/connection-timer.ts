import type { Connection } from './native.js';

/** What a peer says by itself while it waits for us; one that answers us says more. */
const aliveBursts = 4;
/** Who was sent so many datagrams, and then none, asks soon: a NAT may have given us another address, which the peer has to hear from. */
const muchHeard = 32;
const silenceMs = 300;

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
  #datagrams = 0;

  constructor(
    private readonly connection: Connection,
    private readonly options: {
      readonly keepAliveMs: number;
      /** Its address may change without its knowing. */
      readonly mayMove: boolean;
      readonly onFired: () => void;
    },
  ) {}

  /** A burst came. */
  heard(datagrams: number): void {
    this.heardAt = performance.now();
    this.#heard++;
    this.#datagrams += datagrams;
  }

  /** After packets went out or came in. */
  arm(): void {
    const now = performance.now();
    const quiche = this.connection.timeout();
    if (quiche === null) return;
    this.#quicheDueAt = now + quiche;
    const dueAt = Math.min(now + quiche, this.#pingDueAt);
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
    if (now + 1 >= this.#pingDueAt) {
      this.#pingedAt = now;
      this.#datagrams = 0;
      this.connection.sendAckEliciting();
    }
    this.options.onFired();
    this.arm();
  };

  get #pingDueAt(): number {
    const { keepAliveMs, mayMove } = this.options;
    const isSudden = mayMove && this.#datagrams >= muchHeard;
    return Math.max(this.heardAt, this.#pingedAt) + (isSudden ? Math.min(silenceMs, keepAliveMs) : keepAliveMs);
  }

  #countTimeout(): void {
    this.timeouts = this.#heard > aliveBursts ? 1 : this.timeouts + 1;
    this.#heard = 0;
  }
}
