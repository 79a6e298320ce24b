/** What is remembered of a token that was read: everything that is needed to let its holder in again. */
export interface Remembered<T> {
  readonly value: T;
  /** The token and those it was made with. */
  readonly tokenIds: readonly string[];
  readonly readAtMs: number;
}

/**
 * Tokens in memory by keyed hash. What is forgotten is read again, so it may be small and forget anything at any time: at
 * its bound the oldest, after `maxAgeMs` everything, so that even a lost notification cannot keep a revoked token alive.
 */
export class TokenCache<T> {
  readonly #byHash = new Map<string, Remembered<T>>();
  readonly #hashesOf = new Map<string, Set<string>>();
  /** How often something was to be forgotten: what was read before that may be old. */
  #generation = 0;

  constructor(
    private readonly maxSize: number,
    private readonly maxAgeMs: number,
  ) {}

  get generation(): number {
    return this.#generation;
  }

  get size(): number {
    return this.#byHash.size;
  }

  get(hash: string, nowMs: number): T | undefined {
    const found = this.#byHash.get(hash);
    if (!found) return undefined;
    if (Math.abs(nowMs - found.readAtMs) < this.maxAgeMs) return found.value;
    this.#remove(hash);
    return undefined;
  }

  /** Remembers what was read since `generation`, unless something was forgotten meanwhile. */
  set(hash: string, entry: Remembered<T>, generation: number): void {
    if (generation !== this.#generation) return;
    this.#remove(hash);
    if (this.#byHash.size >= this.maxSize) this.#remove(this.#byHash.keys().next().value ?? '');
    this.#byHash.set(hash, entry);
    for (const tokenId of entry.tokenIds) {
      const hashes = this.#hashesOf.get(tokenId) ?? new Set();
      this.#hashesOf.set(tokenId, hashes.add(hash));
    }
  }

  /** The token, and all that were made with it. */
  forget(tokenId: string): void {
    this.#generation += 1;
    for (const hash of [...(this.#hashesOf.get(tokenId) ?? [])]) this.#remove(hash);
  }

  clear(): void {
    this.#generation += 1;
    this.#byHash.clear();
    this.#hashesOf.clear();
  }

  #remove(hash: string): void {
    const entry = this.#byHash.get(hash);
    if (!entry) return;
    this.#byHash.delete(hash);
    for (const tokenId of entry.tokenIds) {
      const hashes = this.#hashesOf.get(tokenId);
      hashes?.delete(hash);
      if (hashes?.size === 0) this.#hashesOf.delete(tokenId);
    }
  }
}
