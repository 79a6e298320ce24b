export interface AddressRateOptions {
  readonly perSecond: number;
  /** Requests at once after a pause. */
  readonly burst: number;
  /** Addresses remembered, at most. */
  readonly maxAddresses: number;
}

/**
 * A token bucket for each address, as one number: when all requests made so far will be paid for (the generic cell rate
 * algorithm). Time is an argument.
 *
 * Memory is bounded by two generations of half the size each. When the young one is full the old one is forgotten, and an
 * address in it begins anew: with that many addresses at once no limit per address holds anybody back anyway.
 *
 * @example
 * const rate = new AddressRate({ perSecond: 2, burst: 4, maxAddresses: 1_000 });
 * rate.take('192.0.2.1', performance.now()); // 0, or the milliseconds to wait
 */
export class AddressRate {
  readonly #intervalMs: number;
  readonly #toleranceMs: number;
  readonly #maxYoung: number;
  #young = new Map<string, number>();
  #old = new Map<string, number>();

  constructor({ perSecond, burst, maxAddresses }: AddressRateOptions) {
    this.#intervalMs = 1_000 / perSecond;
    this.#toleranceMs = burst * this.#intervalMs;
    this.#maxYoung = Math.max(1, Math.floor(maxAddresses / 2));
  }

  /** Addresses in memory. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** Takes one request and answers 0, or takes none and answers how many milliseconds to wait for one. */
  take(address: string, nowMs: number): number {
    const known = this.#young.get(address);
    const paidUntilMs = Math.max(nowMs, known ?? this.#old.get(address) ?? 0) + this.#intervalMs;
    const waitMs = paidUntilMs - nowMs - this.#toleranceMs;
    if (waitMs > 1e-6) return waitMs;
    if (known === undefined && this.#young.size >= this.#maxYoung) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(address, paidUntilMs);
    return 0;
  }
}
