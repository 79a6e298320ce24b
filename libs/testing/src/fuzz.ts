/** Numbers that look random and are the same for the same seed (mulberry32). */
export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number below `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** One of the ways in which bytes go wrong: noise, cut off, changed, lengthened. */
  mutate(original: Buffer): Buffer {
    const way = this.below(5);
    if (way === 0) return this.bytes(this.below(1_400));
    if (way === 1) return Buffer.from(original.subarray(0, this.below(original.length + 1)));
    if (way === 2) return Buffer.concat([original, this.bytes(this.below(64))]);
    const changed = Buffer.from(original);
    const flips = way === 3 ? 1 : 1 + this.below(16);
    for (let flip = 0; flip < flips && changed.length > 0; flip++) {
      // Headers more often than what is sealed anyway.
      const at = this.below(this.below(2) === 0 ? Math.min(64, changed.length) : changed.length);
      changed[at] = this.below(256);
    }
    return changed;
  }
}

/** Everyday 20,000; more with FUZZ_CASES. */
export const fuzzCases = (share = 1): number => Math.ceil(Number(process.env.FUZZ_CASES ?? 20_000) * share);
export const fuzzSeed = Number(process.env.FUZZ_SEED ?? 20_261_122);
