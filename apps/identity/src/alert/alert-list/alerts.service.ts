import type { AlertKind, SealedField } from '@gatehouse/contracts';
import { asTenant } from '@gatehouse/event-store';
import type pg from 'pg';
import type { SubjectKeys } from '../../user/subject-keys.service.js';

export interface AlertRow {
  readonly alert_id: string;
  readonly kind: AlertKind;
  readonly subject_type: string;
  readonly subject_id: string;
  readonly status: 'open' | 'resolved';
  readonly raised_at: Date;
  readonly first_at: Date;
  readonly last_at: Date;
  readonly count: string;
  readonly threshold: number;
  readonly window_seconds: number;
  readonly place: string | null;
  readonly sealed_place: SealedField | null;
  readonly resolved_at: Date | null;
  readonly acknowledged_at: Date | null;
  readonly acknowledged_by: string | null;
  readonly revision: number;
}

export interface AlertFilter {
  readonly status?: string | undefined;
  readonly kind?: string | undefined;
  readonly acknowledged?: 'true' | 'false' | undefined;
  /** The last id of the page before. */
  readonly before?: string | undefined;
  readonly limit: number;
}

const columns = `a.alert_id, a.kind, a.subject_type, a.subject_id, a.status, a.raised_at, a.threshold, a.window_seconds,
  a.place, a.sealed_place, a.resolved_at, a.acknowledged_at, a.acknowledged_by, a.revision,
  coalesce(i.first_at, a.first_at) as first_at, coalesce(i.last_at, a.last_at) as last_at,
  coalesce(i.count, a.count) as count`;
const from = `from alerts a left join alert_incidents i on i.tenant_id = a.tenant_id and i.kind = a.kind
  and i.subject_type = a.subject_type and i.subject_id = a.subject_id and i.alert_id = a.alert_id`;

/** The alerts of one tenant, with the counts of those that go on. Row-level security shows no others. */
export class Alerts {
  readonly #pool: pg.Pool;
  readonly #subjectKeys: SubjectKeys;

  /** @param pool connections of the request role */
  constructor(pool: pg.Pool, subjectKeys: SubjectKeys) {
    this.#pool = pool;
    this.#subjectKeys = subjectKeys;
  }

  /** Newest first. */
  list(tenantId: string, { status, kind, acknowledged, before, limit }: AlertFilter): Promise<readonly AlertRow[]> {
    return this.#rows(
      tenantId,
      `($2::text is null or a.status = $2) and ($3::text is null or a.kind = $3)
       and ($4::boolean is null or (a.acknowledged_at is not null) = $4) and ($5::uuid is null or a.alert_id < $5)
       order by a.alert_id desc limit $6`,
      [status ?? null, kind ?? null, acknowledged ?? null, before ?? null, limit],
    );
  }

  async one(tenantId: string, alertId: string): Promise<AlertRow | undefined> {
    return (await this.#rows(tenantId, 'a.alert_id = $2', [alertId]))[0];
  }

  #rows(tenantId: string, where: string, values: readonly unknown[]): Promise<readonly AlertRow[]> {
    return asTenant(this.#pool, tenantId, async (client) => {
      const text = `select ${columns} ${from} where a.tenant_id = $1 and ${where}`;
      const { rows } = await client.query<AlertRow>(text, [tenantId, ...values]);
      const opened: AlertRow[] = [];
      for (const row of rows) {
        const sealed = row.sealed_place;
        const place = sealed && (await this.#subjectKeys.open(client, tenantId, 'place', sealed));
        opened.push(place ? { ...row, place } : row);
      }
      return opened;
    });
  }
}
