import { SharedBound } from '@gatehouse/fair-share';
import type pg from 'pg';
import { RevisionConflict, StoreOverloaded, StoreUnavailable } from '../store.js';
import { Announcer } from './announcer.js';
import { insertFirstEvents, type StorableEvent } from './rows.js';
import { isTransient, violates } from './transient.js';

export interface GroupCommitOptions {
  readonly service: string;
  /** Connections of the service's system role: a batch may hold events of several tenants. */
  readonly pool: pg.Pool;
  /** Events in one insert. */
  readonly maxBatch?: number;
  /** Characters of envelopes in one insert; a single event may be more. */
  readonly maxBatchChars?: number;
  /**
   * What waits, beyond what is being written, by its weight (an event is 1 unless said otherwise); more is refused at once. A tenant
   * that has less than an equal share of it still gets that: whoever fills it is refused alone.
   */
  readonly maxQueue?: number;
  /** Characters of envelopes waiting, shared likewise: what bounds the memory when events are long. */
  readonly maxQueueChars?: number;
  /** Longest time between asking and knowing. After it the caller is told that the outcome is unknown. */
  readonly maxWaitMs?: number;
  /** Batches in flight at once, each on its own connection. */
  readonly writers?: number;
}

interface Waiting {
  readonly event: StorableEvent;
  readonly weight: number;
  readonly since: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

const defaults = {
  maxBatch: 512,
  maxBatchChars: 4_000_000,
  maxQueue: 8_192,
  maxQueueChars: 32_000_000,
  maxWaitMs: 5_000,
  writers: 2,
};

/**
 * Makes many small appends durable with few commits: whoever comes while a batch is being written shares the next one.
 * For first events of new streams (decisions), which can't conflict. A call resolves only after PostgreSQL's commit.
 *
 * @example await commits.append(writeEvent(decided, `decision:${id}`, 1, context)); // now it may be answered
 */
export class GroupCommit {
  readonly #options: Required<GroupCommitOptions>;
  readonly #announcer: Announcer;
  readonly #queue: Waiting[] = [];
  readonly #weights: SharedBound;
  readonly #chars: SharedBound;
  // Lists, no Set: one of those that is added to and deleted from all the time keeps what was in it until a full collection.
  #inFlight: readonly (readonly Waiting[])[] = [];
  #scheduled = false;
  #clock: NodeJS.Timeout | undefined;
  #onIdle: (() => void)[] = [];
  /** Batches, events, and the weight of the events written so far, for metrics. */
  readonly written = { batches: 0, events: 0, weight: 0 };

  constructor(options: GroupCommitOptions) {
    this.#options = { ...defaults, ...options };
    this.#announcer = new Announcer(options.pool, options.service);
    this.#weights = new SharedBound(this.#options.maxQueue);
    this.#chars = new SharedBound(this.#options.maxQueueChars);
  }

  /** Weight of what waits for a writer. */
  get queued(): number {
    return this.#weights.size;
  }

  /**
   * @param weight what the event counts for in the queue: the number of decisions in it, say
   * @throws StoreOverloaded at once when the queue is full, or the tenant's share of it (nothing is stored)
   * @throws StoreUnavailable when the commit was not confirmed in time (it may be stored)
   * @throws RevisionConflict when the stream exists already; PostgreSQL's error when it refuses the event otherwise
   */
  append(event: StorableEvent, weight = 1): Promise<void> {
    if (!this.#enter(event, weight)) return Promise.reject(new StoreOverloaded(this.queued));
    return new Promise((resolve, reject) => {
      this.#queue.push({ event, weight, since: performance.now(), resolve, reject });
      // The bound on waiting holds also while every writer hangs on a server that does not answer.
      this.#clock ??= setInterval(() => this.#refuseLate(), this.#options.maxWaitMs / 20);
      this.#schedule();
    });
  }

  /** Waits until everything accepted so far is written or refused. */
  async drain(): Promise<void> {
    while (this.#inFlight.length > 0 || this.#queue.length > 0)
      await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  #enter({ envelope: { tenantId }, text }: StorableEvent, weight: number): boolean {
    if (!this.#weights.enter({ group: tenantId, count: weight })) return false;
    if (this.#chars.enter({ group: tenantId, count: text.length })) return true;
    this.#weights.leave({ group: tenantId, count: weight });
    return false;
  }

  // One turn of the event loop is the only delay: every request parsed in it joins the batch.
  #schedule(): void {
    if (this.#scheduled || this.#inFlight.length >= this.#options.writers) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      while (this.#inFlight.length < this.#options.writers && this.#queue.length > 0) void this.#writeNext();
      if (this.#inFlight.length === 0) this.#rest(); // all who waited have been refused meanwhile
    });
  }

  async #writeNext(): Promise<void> {
    const batch = this.#take();
    this.#inFlight = [...this.#inFlight, batch];
    await this.#write(batch);
    this.#inFlight = this.#inFlight.filter((other) => other !== batch);
    if (this.#queue.length > 0) this.#schedule();
    else if (this.#inFlight.length === 0) this.#rest();
  }

  #take(): readonly Waiting[] {
    let chars = 0;
    let end = 0;
    for (const { event } of this.#queue) {
      chars += event.text.length;
      if (end > 0 && (end === this.#options.maxBatch || chars > this.#options.maxBatchChars)) break;
      end++;
    }
    return this.#dequeue(end);
  }

  #dequeue(count: number): readonly Waiting[] {
    const taken = this.#queue.splice(0, count);
    for (const { event, weight } of taken) {
      const { tenantId } = event.envelope;
      this.#weights.leave({ group: tenantId, count: weight });
      this.#chars.leave({ group: tenantId, count: event.text.length });
    }
    return taken;
  }

  #rest(): void {
    clearInterval(this.#clock);
    this.#clock = undefined;
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  #refuseLate(): void {
    const deadline = performance.now() - this.#options.maxWaitMs;
    const refuse = ({ reject }: Waiting) =>
      reject(new StoreUnavailable(`not confirmed within ${this.#options.maxWaitMs} ms`));
    const inTime = this.#queue.findIndex((entry) => entry.since >= deadline);
    for (const entry of this.#dequeue(inTime === -1 ? this.#queue.length : inTime)) refuse(entry);
    // Those in flight may still be stored. A promise that is refused here ignores what is learned later.
    for (const batch of this.#inFlight) for (const entry of batch) if (entry.since < deadline) refuse(entry);
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    try {
      const events = batch.map((entry) => entry.event);
      await insertFirstEvents(this.#options.pool, events); // COMMIT POINT of every event in the batch
      this.#announcer.announce();
      this.written.batches++;
      this.written.events += batch.length;
      for (const { weight, resolve } of batch) {
        this.written.weight += weight;
        resolve();
      }
    } catch (error) {
      // One event that PostgreSQL refuses must not take its neighbours with it.
      if (batch.length > 1 && !isTransient(error)) {
        const middle = batch.length >> 1;
        await this.#write(batch.slice(0, middle));
        await this.#write(batch.slice(middle));
      } else for (const entry of batch) entry.reject(asRefusal(error, entry.event));
    }
  }
}

function asRefusal(error: unknown, { envelope }: StorableEvent): Error {
  if (violates(error, 'events_stream_revision')) return new RevisionConflict(envelope.streamId, envelope.revision - 1);
  if (isTransient(error)) return new StoreUnavailable('PostgreSQL did not confirm', { cause: error });
  return error as Error;
}
