/** A map of at most `size` entries: the oldest goes first. */
export class BoundedCache<K, V> {
  readonly #entries = new Map<K, V>();

  constructor(readonly size: number) {}

  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  set(key: K, value: V): void {
    this.#entries.delete(key);
    // A map keeps the order of insertion.
    if (this.#entries.size >= this.size) this.#entries.delete(this.#entries.keys().next().value as K);
    this.#entries.set(key, value);
  }

  getOrMake(key: K, make: () => V): V {
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    const made = make();
    this.set(key, made);
    return made;
  }
}
