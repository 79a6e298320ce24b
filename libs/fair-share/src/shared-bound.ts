interface Entered {
  readonly group: string;
  readonly count: number;
}

/**
 * A bound that groups share. While there is room, anybody may have all of it. Once it is full, a group still gets in up to
 * an equal share of it, so whoever filled it fails alone; all of them together never have more than twice the bound, unless one
 * that came first, when nobody was there, was larger by itself.
 */
export class SharedBound {
  readonly #max: number;
  readonly #held = new Map<string, number>();
  #total = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** How many have a place. */
  get size(): number {
    return this.#total;
  }

  /** Whether `count` more of a group have a place; each that has one must `leave`. A group that has none gets its first. */
  enter({ group, count }: Entered): boolean {
    const held = this.#held.get(group) ?? 0;
    const total = this.#total + count;
    const share = this.#max / (this.#held.size + (held === 0 ? 1 : 0));
    const hasRoom = total <= this.#max || this.#total === 0;
    if (!hasRoom && (total > this.#max * 2 || (held > 0 && held + count > share))) return false;
    this.#held.set(group, held + count);
    this.#total = total;
    return true;
  }

  leave({ group, count }: Entered): void {
    const left = (this.#held.get(group) ?? 0) - count;
    if (left > 0) this.#held.set(group, left);
    else this.#held.delete(group);
    this.#total -= count;
  }
}
