import { type Query, sqlState } from '@gatehouse/event-store';
import { ProblemError } from '@gatehouse/http';
import type pg from 'pg';
import type { Erasure } from './erasure.js';

type Client = Pick<Query, 'query'>;

interface Row {
  readonly erasure_id: string;
  readonly user_id: string;
  readonly tenant_id: string;
  readonly asked_by_type: string;
  readonly asked_by_id: string;
  readonly asked_in: string;
  readonly correlation_id: string;
  readonly decision_id: string | null;
  readonly status: Erasure['status'];
  readonly phase: string;
  readonly done: number;
  readonly total: number;
  readonly attempt: number;
  readonly problem: string | null;
  readonly destroyed: Record<string, number>;
  readonly event_id: string | null;
  readonly requested_at: Date;
  readonly due_at: Date;
  readonly completed_at: Date | null;
}

/** Erasures across tenants, on connections of the system role. Rows stay: they are the certificates. */
export class ErasureRows {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  async byId(erasureId: string): Promise<Erasure | undefined> {
    const { rows } = await this.#pool.query<Row>('select * from erasures where erasure_id = $1', [erasureId]);
    return rows[0] && toErasure(rows[0]);
  }

  /** All erasures, newest first. */
  async page(after: string | undefined, limit: number): Promise<readonly Erasure[]> {
    const { rows } = await this.#pool.query<Row>(
      `select * from erasures where ($1::uuid is null or erasure_id < $1) order by erasure_id desc limit $2`,
      [after ?? null, limit],
    );
    return rows.map(toErasure);
  }

  /** Inside the transaction of the event. @throws ProblemError `erasure_running` */
  async insert(client: Client, job: Erasure): Promise<void> {
    const { askedBy, progress } = job;
    await client
      .query(
        `insert into erasures (erasure_id, tenant_id, user_id, asked_by_type, asked_by_id, asked_in, correlation_id,
           decision_id, status, phase, total, requested_at, due_at, next_try_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, 'waiting', $9, $10, $11, $12, $12)`,
        [
          job.erasureId,
          job.homeTenantId,
          job.userId,
          askedBy.type,
          askedBy.id,
          askedBy.tenantId,
          job.correlationId,
          job.decisionId ?? null,
          progress.phase,
          progress.total,
          job.requestedAt,
          job.dueAt,
        ],
      )
      .catch((error: unknown) => {
        if (sqlState(error) === '23505') throw new ProblemError('erasure_running', undefined, { cause: error });
        throw error;
      });
  }

  /** The next erasure that is due; one that was begun and left off comes again. */
  async take(now: Date): Promise<Erasure | undefined> {
    const { rows } = await this.#pool.query<Row>(
      `update erasures set status = 'running', attempt = attempt + 1
       where erasure_id = (select erasure_id from erasures where status in ('waiting', 'running') and next_try_at <= $1
                           order by next_try_at limit 1 for update skip locked)
         and status in ('waiting', 'running')
       returning *`,
      [now],
    );
    return rows[0] && toErasure(rows[0]);
  }

  async report(
    job: Erasure,
    { done, total, phase }: Erasure['progress'],
    destroyed: Erasure['destroyed'],
  ): Promise<void> {
    await this.#pool.query(
      `update erasures set done = $3, total = $4, phase = $5, destroyed = $6
       where erasure_id = $1 and attempt = $2 and status = 'running'`,
      [job.erasureId, job.attempt, done, total, phase, JSON.stringify(destroyed)],
    );
  }

  async postpone({ erasureId, attempt }: Erasure, problem: string, until: Date): Promise<void> {
    await this.#pool.query(
      `update erasures set problem = $3, next_try_at = $4 where erasure_id = $1 and attempt = $2 and status = 'running'`,
      [erasureId, attempt, problem, until],
    );
  }

  async finish({ erasureId }: Erasure, eventId: string, now: Date): Promise<void> {
    await this.#pool.query(
      `update erasures set status = 'done', phase = 'done', done = total, problem = null, event_id = $2, completed_at = $3
       where erasure_id = $1`,
      [erasureId, eventId, now],
    );
  }

  /** Inside the transaction of the event. False when it has begun, or is over. */
  async end(client: Client, { erasureId }: Erasure, change: End): Promise<boolean> {
    const { rowCount } = await client.query(
      `update erasures set status = $2, phase = $2, problem = $3, completed_at = $4
       where erasure_id = $1 and status = $5`,
      [erasureId, change.to, change.problem ?? null, change.now, change.from],
    );
    return rowCount === 1;
  }
}

export interface End {
  readonly from: 'waiting' | 'running';
  readonly to: 'cancelled' | 'refused';
  readonly problem?: string;
  readonly now: Date;
}

const toErasure = (row: Row): Erasure => ({
  erasureId: row.erasure_id,
  userId: row.user_id,
  homeTenantId: row.tenant_id,
  askedBy: { type: row.asked_by_type, id: row.asked_by_id, tenantId: row.asked_in },
  correlationId: row.correlation_id,
  ...(row.decision_id !== null && { decisionId: row.decision_id }),
  status: row.status,
  progress: { done: row.done, total: row.total, phase: row.phase },
  attempt: row.attempt,
  ...(row.problem !== null && { problem: row.problem }),
  destroyed: row.destroyed,
  ...(row.event_id !== null && { eventId: row.event_id }),
  requestedAt: row.requested_at,
  dueAt: row.due_at,
  ...(row.completed_at !== null && { completedAt: row.completed_at }),
});
