/** How many of something there are by key, at most so many of each. */
export class Counters {
  readonly #max: number;
  readonly #counts = new Map<string, number>();

  constructor(max: number) {
    this.#max = max;
  }

  get(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  isFull(key: string): boolean {
    return this.get(key) >= this.#max;
  }

  add(key: string): void {
    this.#counts.set(key, this.get(key) + 1);
  }

  remove(key: string): void {
    const left = this.get(key) - 1;
    if (left > 0) this.#counts.set(key, left);
    else this.#counts.delete(key);
  }
}

/** So many a second of each key, and as many at once. Bounded: keys that have not been seen for a second are forgotten. */
export class Rates {
  readonly #perSecond: number;
  #second = 0;
  #counts = new Map<string, number>();

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Whether there is room for one more. @param nowMs of a clock that only goes forward */
  take(key: string, nowMs: number): boolean {
    const second = Math.floor(nowMs / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#counts = new Map();
    }
    const count = this.#counts.get(key) ?? 0;
    if (count >= this.#perSecond) return false;
    this.#counts.set(key, count + 1);
    return true;
  }
}
