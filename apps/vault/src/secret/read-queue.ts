import { isTransient, StoreOverloaded, StoreUnavailable } from '@gatehouse/event-store';
import { SharedBound } from '@gatehouse/fair-share';
import type pg from 'pg';
import type { ReadRow } from './secret-log.js';

interface Waiting {
  readonly streamId: string;
  readonly version: number;
  readonly resolve: (row: ReadRow) => void;
  readonly reject: (error: unknown) => void;
}

const limits = { batch: 64, waiting: 4_096 } as const;

/**
 * Reads of one tenant that come together are one statement: those of one turn of the event loop, or those that came while
 * another was under way. Each reads what is committed when its statement starts, which is after it was asked for. A tenant that fills the
 * queue is refused alone.
 */
export class ReadQueue {
  readonly #pool: pg.Pool;
  readonly #tenants = new Map<string, Waiting[]>();
  readonly #waiting = new SharedBound(limits.waiting);

  /** @param pool connections of the request role: every statement sees one tenant only */
  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /** @throws StoreUnavailable, StoreOverloaded */
  read(tenantId: string, streamId: string, version: number): Promise<ReadRow> {
    if (!this.#waiting.enter({ group: tenantId, count: 1 }))
      return Promise.reject(new StoreOverloaded(this.#waiting.size));
    return new Promise((resolve, reject) => {
      const one = { streamId, version, resolve, reject };
      const queue = this.#tenants.get(tenantId);
      if (queue) return void queue.push(one);
      this.#tenants.set(tenantId, [one]);
      // One turn of the event loop is the only delay: every request parsed in it joins the batch.
      setImmediate(() => void this.#drain(tenantId));
    });
  }

  async #drain(tenantId: string): Promise<void> {
    const queue = this.#tenants.get(tenantId) ?? [];
    while (queue.length > 0) {
      const batch = queue.splice(0, limits.batch);
      this.#waiting.leave({ group: tenantId, count: batch.length });
      await this.#answer(tenantId, batch);
    }
    this.#tenants.delete(tenantId);
  }

  async #answer(tenantId: string, batch: readonly Waiting[]): Promise<void> {
    try {
      const { rows } = await this.#pool.query<ReadRow>({
        name: 'read-secrets',
        text: 'select * from read_secrets($1, $2, $3)',
        values: [tenantId, batch.map(({ streamId }) => streamId), batch.map(({ version }) => version)],
      });
      for (const [i, { resolve }] of batch.entries()) resolve(rows[i] as ReadRow);
    } catch (error) {
      // One that PostgreSQL refuses must not take its neighbours with it.
      if (batch.length > 1 && !isTransient(error)) for (const one of batch) await this.#answer(tenantId, [one]);
      else for (const { reject } of batch) reject(asUnavailable(error));
    }
  }
}

const asUnavailable = (error: unknown): unknown =>
  isTransient(error) ? new StoreUnavailable('PostgreSQL did not answer', { cause: error }) : error;
