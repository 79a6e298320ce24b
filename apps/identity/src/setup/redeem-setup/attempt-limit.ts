/**
 * A bound on attempts, whoever makes them: `perMinute` at once, refilled evenly. One process's memory is enough, since a
 * token has 256 random bits and the bound only keeps guessing from costing us anything. Time is an argument.
 *
 * @example const limit = new AttemptLimit(10); limit.take(Date.now()); // 0, or the milliseconds to wait
 */
export class AttemptLimit {
  readonly #intervalMs: number;
  readonly #burst: number;
  /** When all attempts made so far will have been paid for (the generic cell rate algorithm). */
  #paidUntilMs = Number.NEGATIVE_INFINITY;

  constructor(perMinute: number) {
    this.#burst = perMinute;
    this.#intervalMs = 60_000 / perMinute;
  }

  /** Takes one attempt and answers 0, or takes none and answers how many milliseconds to wait for one. */
  take(nowMs: number): number {
    const from = Math.max(nowMs, this.#paidUntilMs);
    const waitMs = from + this.#intervalMs - (nowMs + this.#burst * this.#intervalMs);
    if (waitMs > 0) return waitMs;
    this.#paidUntilMs = from + this.#intervalMs;
    return 0;
  }
}
