/**
 * Lets in so many a second, and tells the others when to come back: spread over the time that those before them need, so
 * that thousands who were refused at once do not come back at once.
 */
export class Pace {
  readonly #perSecond: number;
  #tokens: number;
  #refilledMs = 0;
  /** Refused and not yet let in, by our own count: it falls with every one that is let in. */
  #behind = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
  }

  /**
   * Undefined: come in. Otherwise in so many milliseconds.
   *
   * @param nowMs of a clock that only goes forward
   * @param random in [0, 1)
   */
  admit(nowMs: number, random: number): number | undefined {
    const passedMs = Math.max(0, nowMs - this.#refilledMs);
    this.#refilledMs = nowMs;
    this.#tokens = Math.min(this.#perSecond, this.#tokens + (passedMs * this.#perSecond) / 1_000);
    if (passedMs > quietMs) this.#behind = 0;
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      this.#behind = Math.max(0, this.#behind - 1);
      return undefined;
    }
    this.#behind += 1;
    const spreadMs = Math.min(maxSpreadMs, (1_000 * this.#behind) / this.#perSecond);
    return Math.round(minWaitMs + random * spreadMs);
  }
}

const minWaitMs = 500;
const maxSpreadMs = 60_000;
/** After so long without anybody, those who were refused have come or will not. */
const quietMs = 5_000;
