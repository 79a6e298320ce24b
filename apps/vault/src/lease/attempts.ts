import type pg from 'pg';
import { backoffMs } from './backoff.js';

type Kind = 'lease' | 'static-role';

export interface TargetName {
  readonly tenantId: string;
  readonly database: string;
}

const rotationsDueSql = `from database_entries e left join keeper_attempts a
  on a.tenant_id = e.tenant_id and a.kind = e.kind and a.id = e.name
  where e.kind = 'static-role' and e.rotate_at <= now() and coalesce(a.next_at, now()) <= now()`;

/** What failed, how often, and when it is tried again: in PostgreSQL, so that another replica goes on from there. */
export class Attempts {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /** Ids that are not to be tried yet. */
  async waiting(tenantId: string, kind: Kind): Promise<ReadonlySet<string>> {
    const { rows } = await this.#pool.query<{ id: string }>(
      'select id from keeper_attempts where tenant_id = $1 and kind = $2 and next_at > now()',
      [tenantId, kind],
    );
    return new Set(rows.map(({ id }) => id));
  }

  /** @returns the number of failures by now */
  async failed(tenantId: string, kind: Kind, id: string): Promise<number> {
    const { rows } = await this.#pool.query<{ failures: number }>(
      `insert into keeper_attempts (tenant_id, kind, id, failures, next_at) values ($1, $2, $3, 1, now())
       on conflict (tenant_id, kind, id) do update set failures = keeper_attempts.failures + 1 returning failures`,
      [tenantId, kind, id],
    );
    const failures = rows[0]?.failures ?? 1;
    await this.#pool.query(
      `update keeper_attempts set next_at = now() + $4 * interval '1 millisecond'
       where tenant_id = $1 and kind = $2 and id = $3`,
      [tenantId, kind, id, backoffMs(failures)],
    );
    return failures;
  }

  async forget(tenantId: string, kind: Kind, id: string): Promise<void> {
    await this.#pool.query('delete from keeper_attempts where tenant_id = $1 and kind = $2 and id = $3', [
      tenantId,
      kind,
      id,
    ]);
  }

  /** Where passwords are to be changed now: of each tenant one, then of each the next; who waits longest first. */
  async targetsWithRotations(limit: number): Promise<readonly TargetName[]> {
    const { rows } = await this.#pool.query<{ tenant_id: string; database: string }>(
      `select e.tenant_id, e.database ${rotationsDueSql} group by e.tenant_id, e.database
       order by row_number() over (partition by e.tenant_id order by min(e.rotate_at)), min(e.rotate_at) limit $1`,
      [limit],
    );
    return rows.map(({ tenant_id: tenantId, database }) => ({ tenantId, database }));
  }

  /** Static roles of a target whose passwords are to be changed now. */
  async rotationsDue({ tenantId, database }: TargetName, limit: number): Promise<readonly string[]> {
    const { rows } = await this.#pool.query<{ name: string }>(
      `select e.name ${rotationsDueSql} and e.tenant_id = $1 and e.database = $2 order by e.rotate_at limit $3`,
      [tenantId, database, limit],
    );
    return rows.map(({ name }) => name);
  }
}
