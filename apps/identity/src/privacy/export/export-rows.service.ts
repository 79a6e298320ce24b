import type { SealedField } from '@gatehouse/contracts';
import { type Query, sqlState } from '@gatehouse/event-store';
import { ProblemError } from '@gatehouse/http';
import type pg from 'pg';
import type { Export, Progress } from './export.js';

type Client = Pick<Query, 'query'>;

interface Row {
  readonly export_id: string;
  readonly user_id: string;
  readonly tenant_id: string;
  readonly asked_by_type: string;
  readonly asked_by_id: string;
  readonly asked_in: string;
  readonly correlation_id: string;
  readonly status: Export['status'];
  readonly phase: string;
  readonly done: number;
  readonly total: number;
  readonly records: number;
  readonly attempt: number;
  readonly problem: string | null;
  readonly files: number | null;
  readonly bytes: string | null;
  readonly chunks: number | null;
  readonly requested_at: Date;
  readonly completed_at: Date | null;
  readonly expires_at: Date;
}

/** The jobs and their archives, across tenants, on connections of the system role. */
export class ExportRows {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  async byId(exportId: string): Promise<Export | undefined> {
    const { rows } = await this.#pool.query<Row>('select * from exports where export_id = $1', [exportId]);
    return rows[0] && toExport(rows[0]);
  }

  /** Exports of a person, newest first. */
  async ofPerson(userId: string, after: string | undefined, limit: number): Promise<readonly Export[]> {
    const { rows } = await this.#pool.query<Row>(
      `select * from exports where user_id = $1 and ($2::uuid is null or export_id < $2)
       order by export_id desc limit $3`,
      [userId, after ?? null, limit],
    );
    return rows.map(toExport);
  }

  async sealedKeyOf(exportId: string): Promise<SealedField | undefined> {
    const { rows } = await this.#pool.query<{ sealed_key: SealedField }>(
      'select sealed_key from exports where export_id = $1',
      [exportId],
    );
    return rows[0]?.sealed_key;
  }

  async countSince(userId: string, since: Date): Promise<number> {
    const { rows } = await this.#pool.query<{ n: number }>(
      'select count(*)::int as n from exports where user_id = $1 and requested_at > $2',
      [userId, since],
    );
    return rows[0]?.n ?? 0;
  }

  /** Inside the transaction of the event. @throws ProblemError `export_running` */
  async insert(client: Client, { job, sealedKey }: { job: Export; sealedKey: SealedField }): Promise<void> {
    const { askedBy, progress } = job;
    const values = [job.exportId, job.homeTenantId, job.userId, askedBy.type, askedBy.id, askedBy.tenantId];
    await client
      .query(
        `insert into exports (export_id, tenant_id, user_id, asked_by_type, asked_by_id, asked_in, correlation_id, status,
           phase, total, sealed_key, requested_at, next_try_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, 'queued', $8, $9, $10, $11, $11, $12)`,
        [
          ...values,
          job.correlationId,
          progress.phase,
          progress.total,
          JSON.stringify(sealedKey),
          job.requestedAt,
          job.expiresAt,
        ],
      )
      .catch((error: unknown) => {
        if (sqlState(error) === '23505') throw new ProblemError('export_running', undefined, { cause: error });
        throw error;
      });
  }

  /** The next job that is due, begun anew: what an earlier attempt wrote is thrown away. */
  async take(now: Date): Promise<Export | undefined> {
    const { rows } = await this.#pool.query<Row>(
      `update exports set status = 'running', attempt = attempt + 1, done = 0, records = 0
       where export_id = (select export_id from exports where status in ('queued', 'running') and next_try_at <= $1
                          order by next_try_at limit 1)
       returning *`,
      [now],
    );
    const [row] = rows;
    if (row) await this.#pool.query('delete from export_chunks where export_id = $1', [row.export_id]);
    return row && toExport(row);
  }

  /** False when another replica has taken the job over, or the person was erased. */
  async report({ exportId, attempt }: Export, { done, total, phase, records }: Progress): Promise<boolean> {
    const { rowCount } = await this.#pool.query(
      `update exports set done = $3, total = $4, phase = $5, records = $6
       where export_id = $1 and attempt = $2 and status = 'running'`,
      [exportId, attempt, done, total, phase, records],
    );
    return rowCount === 1;
  }

  async postpone({ exportId, attempt }: Export, problem: string, until: Date): Promise<void> {
    await this.#pool.query(
      `update exports set problem = $3, next_try_at = $4 where export_id = $1 and attempt = $2 and status = 'running'`,
      [exportId, attempt, problem, until],
    );
  }

  /** Inside the transaction of the event. False when the job is not this attempt's any more. */
  async finish(client: Client, { exportId, attempt }: Export, made: Made): Promise<boolean> {
    const { rowCount } = await client.query(
      `update exports set status = $3, problem = $4, files = $5, bytes = $6, chunks = $7, completed_at = $8,
         done = case $3 when 'ready' then total else done end, phase = $3
       where export_id = $1 and attempt = $2 and status = 'running'`,
      [
        exportId,
        attempt,
        made.status,
        made.problem ?? null,
        made.files ?? null,
        made.bytes ?? null,
        made.chunks ?? null,
        made.now,
      ],
    );
    return rowCount === 1;
  }

  /** Rows and archives of a person, or of everybody whose time is over; answers how many exports those were. */
  async remove(which: { readonly userId: string } | { readonly endedBefore: Date }): Promise<number> {
    const { rowCount } =
      'userId' in which
        ? await this.#pool.query('delete from exports where user_id = $1', [which.userId])
        : await this.#pool.query(
            `delete from exports where export_id in (select export_id from exports
               where status in ('ready', 'failed') and completed_at < $1 limit 1000)`,
            [which.endedBefore],
          );
    return rowCount ?? 0;
  }

  /** The pieces of archives that nobody may read any more; the rows stay, to tell that there was one. */
  async removeExpiredArchives(now: Date): Promise<number> {
    const { rowCount } = await this.#pool.query(
      `delete from export_chunks where export_id in (select export_id from exports where expires_at <= $1 or status = 'failed')`,
      [now],
    );
    return rowCount ?? 0;
  }
}

export interface Made {
  readonly status: 'ready' | 'failed';
  readonly problem?: string;
  readonly files?: number;
  readonly bytes?: number;
  readonly chunks?: number;
  readonly now: Date;
}

const toExport = (row: Row): Export => ({
  exportId: row.export_id,
  userId: row.user_id,
  homeTenantId: row.tenant_id,
  askedBy: { type: row.asked_by_type, id: row.asked_by_id, tenantId: row.asked_in },
  correlationId: row.correlation_id,
  status: row.status,
  progress: { done: row.done, total: row.total, phase: row.phase, records: row.records },
  attempt: row.attempt,
  ...(row.problem !== null && { problem: row.problem }),
  ...(row.files !== null && { files: row.files }),
  ...(row.bytes !== null && { bytes: Number(row.bytes) }),
  ...(row.chunks !== null && { chunks: row.chunks }),
  requestedAt: row.requested_at,
  ...(row.completed_at !== null && { completedAt: row.completed_at }),
  expiresAt: row.expires_at,
});
