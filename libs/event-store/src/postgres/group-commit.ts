import type pg from 'pg';
import { StoreOverloaded, StoreUnavailable } from '../store.js';
import type { WrittenEvent } from '../write-event.js';
import { isTransient } from './database.js';
import { insertFirstEvents } from './rows.js';
import { notifyChannel } from './schema.js';

export interface GroupCommitOptions {
  readonly service: string;
  /** Connections of the service's system role: a batch may hold events of several tenants. */
  readonly pool: pg.Pool;
  /** Events in one insert. */
  readonly maxBatch?: number;
  /** Events waiting, beyond those being written; one more is refused at once. */
  readonly maxQueue?: number;
  /** Longest time between asking and knowing. After it the caller is told that the outcome is unknown. */
  readonly maxWaitMs?: number;
  /** Batches in flight at once, each on its own connection. */
  readonly writers?: number;
}

interface Waiting {
  readonly event: WrittenEvent;
  readonly since: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * Makes many small appends durable with few commits: whoever comes while a batch is being written shares the next one.
 * For first events of new streams (decisions), which can't conflict. A call resolves only after PostgreSQL's commit.
 */
export class GroupCommit {
  readonly #options: Required<GroupCommitOptions>;
  readonly #channel: string;
  #queue: Waiting[] = [];
  #writing = 0;
  #scheduled = false;
  #onIdle: (() => void)[] = [];
  /** Batches and events written so far, for metrics. */
  readonly written = { batches: 0, events: 0 };

  constructor(options: GroupCommitOptions) {
    this.#options = { maxBatch: 512, maxQueue: 8_192, maxWaitMs: 5_000, writers: 2, ...options };
    this.#channel = notifyChannel(options.service);
  }

  /** Events waiting for a writer. */
  get queued(): number {
    return this.#queue.length;
  }

  /**
   * @throws StoreOverloaded at once when the queue is full (nothing is stored)
   * @throws StoreUnavailable when the commit was not confirmed in time (it may be stored)
   */
  append(event: WrittenEvent): Promise<void> {
    if (this.#queue.length >= this.#options.maxQueue) return Promise.reject(new StoreOverloaded(this.#queue.length));
    return new Promise((resolve, reject) => {
      this.#queue.push({ event, since: performance.now(), resolve, reject });
      this.#schedule();
    });
  }

  /** Waits until everything accepted so far is written or refused. */
  async drain(): Promise<void> {
    while (this.#writing > 0 || this.#queue.length > 0)
      await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  // One turn of the event loop is the only delay: every request parsed in it joins the batch.
  #schedule(): void {
    if (this.#scheduled || this.#writing >= this.#options.writers) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      while (this.#writing < this.#options.writers && this.#queue.length > 0) void this.#writeNext();
    });
  }

  async #writeNext(): Promise<void> {
    const batch = this.#queue.splice(0, this.#options.maxBatch);
    this.#writing++;
    try {
      const now = performance.now();
      const live = batch.filter((entry) => this.#refuseIfLate(entry, now));
      if (live.length > 0) await this.#write(live);
    } finally {
      this.#writing--;
      if (this.#queue.length > 0) this.#schedule();
      else if (this.#writing === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
    }
  }

  #refuseIfLate(entry: Waiting, now: number): boolean {
    if (now - entry.since <= this.#options.maxWaitMs) return true;
    entry.reject(new StoreUnavailable(`not written within ${this.#options.maxWaitMs} ms`));
    return false;
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    try {
      const events = batch.map((entry) => entry.event);
      await insertFirstEvents(this.#options.pool, events, this.#channel); // COMMIT POINT of every event in the batch
      this.written.batches++;
      this.written.events += batch.length;
      for (const entry of batch) entry.resolve();
    } catch (error) {
      // One event that PostgreSQL refuses must not take its neighbours with it.
      if (batch.length > 1 && !isTransient(error)) for (const entry of batch) await this.#write([entry]);
      else
        for (const entry of batch) entry.reject(new StoreUnavailable('PostgreSQL did not confirm', { cause: error }));
    }
  }
}
