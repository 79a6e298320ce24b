import type { Limits } from '../limits.js';

/** What a new stream is raised to at once, while there is enough for everybody. */
const comfortable = 65_536;
/** Beats of the connection without a word: who may come back any moment keeps that much, who was silent for long what everybody has. */
const [silentBeats, longSilentBeats] = [2, 24];

/**
 * What a stream that sends nothing keeps of its credit; without bound as long as it may only have paused for breath.
 *
 * @param beats how many passed since it sent something
 * @param least what each stream of this connection may be sent at first
 */
export function keptCredit(beats: number, least: number): number {
  if (beats < silentBeats) return Number.POSITIVE_INFINITY;
  return beats < longSilentBeats ? Math.max(least, comfortable) : least;
}

/**
 * Who may send us how much. Half of the connection's window is shared out evenly among all streams that there may be, so that no
 * stream, however many others stand unread, is ever without; the other half is lent to those that fill their windows, until they end or
 * fall silent.
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

  /** The window of a stream that has just filled half of `window`: twice as much and no less than a new one's, or half when others lack. */
  next(window: number): number {
    const fair = Math.min(comfortable, this.#most);
    if (this.#pool < fair && window > fair) {
      const less = Math.max(fair, Math.floor(window / 2));
      this.#pool += window - less;
      return less;
    }
    return this.#lend(window, Math.min(this.#most, Math.max(fair, window * 2)));
  }

  /** So much of what was lent is not needed any more. */
  giveBack(bytes: number): void {
    this.#pool += bytes;
  }

  #lend(window: number, wanted: number): number {
    const more = Math.min(Math.max(0, wanted - window), this.#pool);
    this.#pool -= more;
    return window + more;
  }
}
