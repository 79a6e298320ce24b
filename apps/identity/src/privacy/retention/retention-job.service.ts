import type { RetentionApplied } from '@gatehouse/contracts';
import { type PostgresEventStore, pause } from '@gatehouse/event-store';
import { counter, newTraceContext } from '@gatehouse/telemetry';
import type pg from 'pg';
import type { Retention } from '../../area.js';
import { appendToStream } from '../erasure/end-of-person.service.js';
import { effective, type KeptFor } from './retention.js';

const removedRows = counter('identity_retention_removed', 'Rows removed because their time was over, by kind');
const dayMs = 86_400_000;
const everyMs = 3_600_000;
/** Pages of one kind and run: what is left comes in an hour, and the database has other work. */
const maxPages = 1_000;

export interface RetentionJobOptions {
  readonly store: PostgresEventStore;
  /** Connections of the system role. */
  readonly pool: pg.Pool;
  readonly kinds: () => readonly Retention[];
  readonly operatorTenant: string;
  readonly onError: (error: Error) => void;
}

/** What somebody changed about how long data is kept. */
export async function readChanged(pool: pg.Pool): Promise<readonly KeptFor[]> {
  return (await pool.query<KeptFor>('select kind, days, revision from retention')).rows;
}

/** Removes what is older than it may be, once an hour, in one replica. */
export class RetentionJob {
  readonly #options: RetentionJobOptions;

  constructor(options: RetentionJobOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.apply(Date.now(), signal).catch(this.#options.onError);
      await pause(everyMs, signal);
    }
  }

  /** Every kind once; one that fails does not keep the others. Answers what was removed, by kind. */
  async apply(nowMs: number, signal: AbortSignal): Promise<Readonly<Record<string, number>>> {
    const { pool, kinds, onError } = this.#options;
    const all = kinds();
    const removed: Record<string, number> = {};
    for (const { kind, days } of effective(all, await readChanged(pool))) {
      const before = new Date(nowMs - days * dayMs);
      const sweep = all.find((each) => each.kind === kind)?.sweep;
      const count = sweep ? await sweepAll(sweep, before, signal).catch(report(onError)) : 0;
      if (count === 0) continue;
      removed[kind] = count;
      removedRows.labels({ kind }).add(count);
    }
    if (Object.keys(removed).length > 0) await this.#record(removed, nowMs);
    return removed;
  }

  /** After the rows are gone: killed in between, they are gone without a record, and never recorded and there. */
  async #record(removed: Readonly<Record<string, number>>, now: number): Promise<void> {
    const { store, operatorTenant: tenantId } = this.#options;
    const actor = { type: 'gatehouse', id: 'identity' };
    const context = { tenantId, actor, now, correlationId: newTraceContext().traceId };
    const data: RetentionApplied = { removed };
    await store.together(tenantId, (log) =>
      appendToStream(log, 'retention:applied', { type: 'retention.applied', data }, context),
    );
  }
}

async function sweepAll(sweep: Retention['sweep'], before: Date, signal: AbortSignal): Promise<number> {
  let total = 0;
  for (let page = 0; page < maxPages && !signal.aborted; page++) {
    const count = await sweep(before);
    total += count;
    if (count === 0) break;
  }
  return total;
}

const report = (onError: (error: Error) => void) => (error: Error) => {
  onError(error);
  return 0;
};
