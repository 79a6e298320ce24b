import type { Limits } from '../limits.js';

/** What a new stream is raised to at once, while there is enough for everybody. */
const comfortable = 65_536;

/**
 * Who may send us how much. Half of the connection's window is shared out evenly among all streams that there may be, so that no
 * stream, however many others stand unread, is ever without; the other half is lent to those that fill their windows.
 */
export class Windows {
  readonly initial: number;
  readonly #most: number;
  #pool: number;

  constructor(limits: Limits) {
    const half = Math.floor(limits.connectionWindow / 2);
    this.initial = Math.min(limits.streamWindow, Math.max(1_024, Math.floor(half / limits.streams)));
    this.#most = limits.streamWindow;
    this.#pool = half;
  }

  /** The window of a stream that begins. */
  first(): number {
    return this.#lend(this.initial, Math.min(comfortable, this.#most));
  }

  /** The window of a stream that has just filled half of `window`: twice as much, or half when others lack. */
  next(window: number): number {
    const fair = Math.min(comfortable, this.#most);
    if (this.#pool < fair && window > fair) {
      const less = Math.max(fair, Math.floor(window / 2));
      this.#pool += window - less;
      return less;
    }
    return this.#lend(window, Math.min(this.#most, window * 2));
  }

  giveBack(window: number): void {
    this.#pool += window - this.initial;
  }

  #lend(window: number, wanted: number): number {
    const more = Math.min(Math.max(0, wanted - window), this.#pool);
    this.#pool -= more;
    return window + more;
  }
}
