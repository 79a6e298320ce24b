import type { LeaseRevocationReason } from '@gatehouse/contracts';
import type { Query } from '@gatehouse/event-store';
import { type KnownLease, type LeaseStatus, leasePath } from '../lease.js';
import type { LoggedLease } from '../reconcile.js';

/** A row of the table `leases`. */
export interface LeaseRow {
  readonly tenant_id: string;
  readonly lease_id: string;
  readonly database: string;
  readonly role: string;
  readonly username: string;
  readonly holder: string | null;
  readonly principal_type: string | null;
  readonly principal_id: string | null;
  readonly status: LeaseStatus;
  readonly reason: LeaseRevocationReason | null;
  readonly alarmed: boolean;
  readonly requested_at: Date;
  readonly valid_until: Date;
  readonly renew_until: Date | null;
  readonly max_until: Date;
  readonly since: Date;
  readonly revision: number;
}

/** As a `where` clause: has not ended. The indexes of the table say the same. */
export const openSql = `status in ('requested', 'active', 'renewing', 'revoking')`;

function leaseOf(row: LeaseRow): KnownLease {
  const terms = {
    leaseId: row.lease_id,
    database: row.database,
    role: row.role,
    username: row.username,
    maxUntil: row.max_until.getTime(),
    ...(row.holder !== null && { holder: row.holder }),
  };
  const standing = { terms, validUntil: row.valid_until.getTime(), since: row.since.getTime() };
  const { status } = row;
  if (status === 'renewing') return { status, ...standing, renewUntil: row.renew_until?.getTime() ?? 0 };
  if (status === 'revoking') return { status, ...standing, reason: row.reason ?? 'requested', alarmed: row.alarmed };
  return { status, ...standing };
}

export const loggedLease = (row: LeaseRow): LoggedLease => ({
  leaseId: row.lease_id,
  revision: row.revision,
  lease: leaseOf(row),
});

/** The leases of a target that have not ended. */
export async function openLeases(query: Query, tenantId: string, database: string): Promise<readonly LoggedLease[]> {
  const { rows } = await query.query<LeaseRow>(
    `select * from leases where tenant_id = $1 and database = $2 and ${openSql} order by valid_until, lease_id`,
    [tenantId, database],
  );
  return rows.map(loggedLease);
}

export async function leasesOf(query: Query, tenantId: string, ids: readonly string[]): Promise<readonly LeaseRow[]> {
  if (ids.length === 0) return [];
  const { rows } = await query.query<LeaseRow>('select * from leases where tenant_id = $1 and lease_id = any($2)', [
    tenantId,
    ids,
  ]);
  return rows;
}

export async function countOpen(query: Query, tenantId: string, database: string): Promise<number> {
  const { rows } = await query.query<{ count: number }>(
    `select count(*)::integer as count from leases where tenant_id = $1 and database = $2 and ${openSql}`,
    [tenantId, database],
  );
  return rows[0]?.count ?? 0;
}

/** All members together; `holder` as leases have it, `cursor` the id of the last one that was seen. */
export interface LeaseFilter {
  readonly holder?: string | undefined;
  readonly database?: string | undefined;
  readonly role?: string | undefined;
  readonly status?: string | undefined;
  /** Those that have not ended, and are not being ended. */
  readonly open?: boolean | undefined;
  readonly cursor?: string | undefined;
}

/** In the order of their ids. */
export async function selectLeases(
  query: Query,
  tenantId: string,
  { holder, database, role, status, open = false, cursor }: LeaseFilter,
  limit: number,
): Promise<LeaseRow[]> {
  const { rows } = await query.query<LeaseRow>(
    `select * from leases where tenant_id = $1 and ($2::text is null or holder = $2)
       and ($3::text is null or database = $3) and ($4::text is null or role = $4)
       and ($5::text is null or status = $5)
       and (not $6 or status in ('requested', 'active', 'renewing'))
       and ($7::text is null or lease_id > $7) order by lease_id limit $8`,
    [tenantId, holder ?? null, database ?? null, role ?? null, status ?? null, open, cursor ?? null, limit],
  );
  return rows;
}

/** What callers see. The password is nowhere. */
export const leaseView = (row: LeaseRow) => ({
  leaseId: row.lease_id,
  path: leasePath({ role: row.role, leaseId: row.lease_id }),
  database: row.database,
  role: row.role,
  username: row.username,
  status: row.status,
  ...(row.reason !== null && { reason: row.reason }),
  failing: row.alarmed,
  principal: row.principal_type === null ? null : { type: row.principal_type, id: row.principal_id ?? '' },
  requestedAt: row.requested_at.toISOString(),
  validUntil: row.valid_until.toISOString(),
  maxUntil: row.max_until.toISOString(),
  revision: row.revision,
});
