import { pause, type Query, type Wake } from '@gatehouse/event-store';

export interface TableMirrorOptions<Row> {
  /** Connections of the system role. */
  readonly query: Query;
  readonly wake: Wake;
  /** On which the table's trigger names the id of a row that changed. */
  readonly channel: string;
  /** All rows, or those of these ids. */
  readonly select: (query: Query, ids: readonly string[] | undefined) => Promise<readonly Row[]>;
  readonly idOf: (row: Row) => string;
  readonly onError: (error: Error) => void;
}

type Listener<Row> = (id: string, row: Row | undefined) => void;

const retryMs = 250;

/**
 * A table in memory, so that looking something up costs no database. Kept current by notifications; after any moment in
 * which one may have been missed, everything is read anew. Reads are one at a time and repeated until they succeed.
 *
 * @example mirror.listen((id, row) => ...); mirror.start(); mirror.get(id);
 */
export class TableMirror<Row> {
  readonly #options: TableMirrorOptions<Row>;
  readonly #listeners = new Set<Listener<Row>>();
  readonly #stopped = new AbortController();
  #rows = new Map<string, Row>();
  #changed = new Set<string>();
  #everything = true;
  #working: Promise<void> | undefined;
  #end: (() => void)[] = [];
  #loaded = false;

  constructor(options: TableMirrorOptions<Row>) {
    this.#options = options;
  }

  /** False until the first load: what is not found before it may well be there. */
  get loaded(): boolean {
    return this.#loaded;
  }

  get(id: string): Row | undefined {
    return this.#rows.get(id);
  }

  values(): Iterable<Row> {
    return this.#rows.values();
  }

  /** Hears of every row that was read anew, whether or not it differs. */
  listen(listener: Listener<Row>): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  start(): this {
    const { wake, channel } = this.#options;
    this.#end = [
      wake.listen((on, id) => {
        if (on !== channel) return;
        this.#changed.add(id);
        this.#work();
      }),
      wake.onReconnect(() => this.#readAll()),
    ];
    this.#readAll();
    return this;
  }

  async stop(): Promise<void> {
    for (const end of this.#end) end();
    this.#stopped.abort();
    await this.#working;
  }

  #readAll(): void {
    this.#everything = true;
    this.#work();
  }

  #work(): void {
    this.#working ??= this.#run().finally(() => {
      this.#working = undefined;
    });
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    while ((this.#everything || this.#changed.size > 0) && !signal.aborted) {
      const [all, ids] = [this.#everything, this.#changed];
      this.#everything = false;
      this.#changed = new Set();
      try {
        await (all ? this.#replace() : this.#renew(ids));
      } catch (error) {
        // What was announced must not be forgotten because the database blinked.
        this.#everything ||= all;
        for (const id of ids) this.#changed.add(id);
        this.#options.onError(error as Error);
        await pause(retryMs, signal);
      }
    }
  }

  async #replace(): Promise<void> {
    const { query, select, idOf } = this.#options;
    const before = this.#rows;
    this.#rows = new Map((await select(query, undefined)).map((row) => [idOf(row), row]));
    this.#loaded = true;
    for (const [id, row] of this.#rows) this.#tell(id, row);
    for (const id of before.keys()) if (!this.#rows.has(id)) this.#tell(id, undefined);
  }

  async #renew(ids: ReadonlySet<string>): Promise<void> {
    const { query, select, idOf } = this.#options;
    const found = new Map((await select(query, [...ids])).map((row) => [idOf(row), row]));
    for (const id of ids) {
      const row = found.get(id);
      if (row === undefined) this.#rows.delete(id);
      else this.#rows.set(id, row);
      this.#tell(id, row);
    }
  }

  #tell(id: string, row: Row | undefined): void {
    for (const listener of this.#listeners) listener(id, row);
  }
}
