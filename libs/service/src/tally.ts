/** How often something was seen from one address, and when. */
export interface Seen {
  readonly ip: string;
  readonly count: number;
  /** RFC 3339. */
  readonly firstAt: string;
  readonly lastAt: string;
}

interface Row<T> {
  readonly what: T;
  readonly ip: string;
  count: number;
  firstMs: number;
  lastMs: number;
}

const iso = (ms: number): string => new Date(ms).toISOString();

/** Counts things by kind and address until they are taken. Bounded: what has no room is counted as dropped. */
export class Tally<T extends object> {
  readonly #max: number;
  // By address within the kind: two look-ups, and no text put together for every call.
  readonly #rows = new Map<string, Map<string, Row<T>>>();
  /** Where a row that was taken came from. */
  readonly #told = new WeakMap<T & Seen, { readonly kind: string; readonly what: T }>();
  #size = 0;
  dropped = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** @param kind Equal for equal `what`. @param nowMs Unix time in milliseconds */
  add(kind: string, ip: string, nowMs: number, what: T): void {
    const row = this.#rows.get(kind)?.get(ip);
    if (row) {
      row.count++;
      row.lastMs = nowMs;
    } else this.#insert(kind, { what, ip, count: 1, firstMs: nowMs, lastMs: nowMs });
  }

  /** Takes out at most `limit` rows, the oldest kinds first. Give them back if they could not be told. */
  take(limit: number): readonly (T & Seen)[] {
    const taken: (T & Seen)[] = [];
    for (const [kind, rows] of this.#rows) {
      for (const [ip, { what, count, firstMs, lastMs }] of rows) {
        if (taken.length === limit) return taken;
        const told = { ...what, ip, count, firstAt: iso(firstMs), lastAt: iso(lastMs) };
        taken.push(told);
        this.#told.set(told, { kind, what });
        rows.delete(ip);
        this.#size--;
      }
      this.#rows.delete(kind);
    }
    return taken;
  }

  giveBack(taken: readonly (T & Seen)[]): void {
    for (const row of taken) {
      const told = this.#told.get(row);
      if (!told) continue;
      const { kind, what } = told;
      const [firstMs, lastMs] = [Date.parse(row.firstAt), Date.parse(row.lastAt)];
      const again = this.#rows.get(kind)?.get(row.ip);
      if (again) {
        again.count += row.count;
        again.firstMs = firstMs;
      } else this.#insert(kind, { what, ip: row.ip, count: row.count, firstMs, lastMs });
    }
  }

  #insert(kind: string, row: Row<T>): void {
    if (this.#size >= this.#max) {
      this.dropped += row.count;
      return;
    }
    let rows = this.#rows.get(kind);
    if (!rows) {
      rows = new Map();
      this.#rows.set(kind, rows);
    }
    rows.set(row.ip, row);
    this.#size++;
  }
}
