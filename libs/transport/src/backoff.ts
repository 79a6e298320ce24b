export interface BackoffOptions {
  /** Longest wait after the first failure; 500 ms unless given. */
  readonly firstMs?: number;
  /** Longest wait at all; 60 s unless given. */
  readonly mostMs?: number;
  /** 0 to 1; for tests. */
  readonly random?: () => number;
}

/**
 * How long to wait before the next try: anything up to a limit that doubles ("full jitter"), so that two thousand devices which
 * lost the same relay do not come back in the same moment.
 */
export class Backoff {
  readonly #first: number;
  readonly #most: number;
  readonly #random: () => number;
  #failures = 0;

  constructor({ firstMs = 500, mostMs = 60_000, random = Math.random }: BackoffOptions = {}) {
    this.#first = firstMs;
    this.#most = mostMs;
    this.#random = random;
  }

  /** Milliseconds to wait, after one more failure. */
  next(): number {
    const limit = Math.min(this.#most, this.#first * 2 ** Math.min(this.#failures++, 30));
    return Math.floor(this.#random() * limit);
  }

  /** It worked. */
  reset(): void {
    this.#failures = 0;
  }
}
