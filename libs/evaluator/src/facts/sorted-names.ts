/** Waits until it is our turn again: everything else of the process goes on meanwhile. */
export type Pause = () => Promise<void>;

/** As many as are collected or sorted without a pause: some milliseconds of work. */
const slice = 2_048;
/** So many changes are merged in at least, however few names there are. */
const mergedChanges = 8_192;

/**
 * Names of one type, sorted by code unit. Sorting a million takes a second, so it is done once, when they are first asked for,
 * in slices if the asker can wait; what changes later is merged in. Owner: the index of the tenant, which tells every change.
 */
export class SortedNames {
  readonly #source: () => Iterable<string>;
  #sorted: readonly string[] | undefined;
  /** Names that came (true) or went since `#sorted` was made, or began to be made. */
  readonly #changed = new Map<string, boolean>();
  #preparing: Promise<void> | undefined;

  /** @param source all names as they are when it is read, in any order */
  constructor(source: () => Iterable<string>) {
    this.#source = source;
  }

  /** A name came or went. */
  change(name: string, isThere: boolean): void {
    if (!this.#sorted && !this.#preparing) return;
    this.#changed.set(name, isThere);
    // Nobody asks any more: the next one sorts again.
    if (this.#sorted && this.#changed.size > Math.max(mergedChanges, this.#sorted.length / 4)) {
      this.#sorted = undefined;
      if (!this.#preparing) this.#changed.clear();
    }
  }

  /** The answered list never changes. */
  all(): readonly string[] {
    if (!this.#sorted) {
      const names = [...this.#source()].sort();
      if (!this.#preparing) this.#install(names);
      return names;
    }
    if (this.#changed.size > 0) {
      this.#sorted = mergeChanges(this.#sorted, this.#changed);
      this.#changed.clear();
    }
    return this.#sorted;
  }

  /** Makes {@link all} quick without keeping others waiting. */
  async prepare(pause: Pause): Promise<void> {
    if (this.#sorted) return;
    // Changes count from before the first name is read: `pause` may bring some before there is a promise to keep.
    this.#preparing ??= Promise.resolve()
      .then(() => this.#prepare(pause))
      .finally(() => {
        this.#preparing = undefined;
      });
    await this.#preparing;
  }

  async #prepare(pause: Pause): Promise<void> {
    // Of an attempt that its pause broke off.
    this.#changed.clear();
    let runs: string[][] = [];
    let run: string[] = [];
    // Names that come while we read may be read or not: the changes say so in any case.
    for (const name of this.#source()) {
      if (run.push(name) < slice) continue;
      runs.push(run.sort());
      run = [];
      await pause();
    }
    runs.push(run.sort());
    while (runs.length > 1) {
      const merged: string[][] = [];
      for (let i = 0; i < runs.length; i += 2) {
        const [one = [], other = []] = [runs[i], runs[i + 1]];
        merged.push(await mergeRuns(one, other, pause));
      }
      runs = merged;
    }
    this.#sorted = runs[0] ?? [];
  }

  #install(names: readonly string[]): void {
    this.#sorted = names;
    this.#changed.clear();
  }
}

async function mergeRuns(one: readonly string[], other: readonly string[], pause: Pause): Promise<string[]> {
  const merged: string[] = [];
  let [i, j] = [0, 0];
  while (i < one.length || j < other.length) {
    const takesOne = j >= other.length || (i < one.length && (one[i] as string) <= (other[j] as string));
    merged.push((takesOne ? one[i++] : other[j++]) as string);
    if (merged.length % (4 * slice) === 0) await pause();
  }
  return merged;
}

/** Long stretches without a change are copied as they are. */
function mergeChanges(sorted: readonly string[], changed: ReadonlyMap<string, boolean>): readonly string[] {
  const parts: (readonly string[])[] = [];
  let from = 0;
  for (const name of [...changed.keys()].sort()) {
    const at = firstFrom(sorted, name);
    parts.push(sorted.slice(from, at));
    if (changed.get(name)) parts.push([name]);
    // Twice, if it went and came again while the names were read.
    for (from = at; sorted[from] === name; ) from++;
  }
  parts.push(sorted.slice(from));
  return parts.length === 1 ? sorted : ([] as string[]).concat(...parts);
}

/** Index of the first name that is not before `name`. */
function firstFrom(sorted: readonly string[], name: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as string) < name) low = middle + 1;
    else high = middle;
  }
  return low;
}
