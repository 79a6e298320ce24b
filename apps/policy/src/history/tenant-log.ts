import { type Position } from '@gatehouse/contracts';
import { parseEnvelope, type Query } from '@gatehouse/event-store';
import { factTypes, policyTypes } from '../facts/fact-events.js';

/** An event of the past that decisions read. */
export interface PastEvent {
  readonly position: Position;
  readonly recordedAtUs: number;
  readonly tenantId: string;
  readonly type: string;
  readonly data: object;
}

export interface Horizon {
  /** Whatever is before this transaction has committed, or never will. */
  readonly min: bigint;
  /** What has not begun yet is this transaction or later. */
  readonly max: bigint;
  /** PostgreSQL's time before both were looked at, in microseconds. */
  readonly nowUs: number;
}

export async function readHorizon(query: Query): Promise<Horizon> {
  const { rows } = await query.query<{ min: string; max: string; now: string }>({
    name: 'past-horizon',
    text: `select pg_snapshot_xmin(s)::text as min, pg_snapshot_xmax(s)::text as max,
             (extract(epoch from statement_timestamp()) * 1000000)::bigint::text as now
           from pg_current_snapshot() s`,
  });
  const row = rows[0];
  return { min: BigInt(row?.min ?? 0), max: BigInt(row?.max ?? 0), nowUs: Number(row?.now ?? 0) };
}

/** What the log holds of a tenant beside its decisions; the condition is that of an index. */
const besideDecisions = `type <> 'decision.recorded' and type <> 'decisions.recorded'`;
const types: readonly string[] = [...factTypes, ...policyTypes];

export interface LogPart {
  readonly tenantId: string;
  /** Other tenants, of which only grants on the whole tenant are read: they make members of that organization. */
  readonly organizations: readonly string[];
  readonly after: Position;
  /** The first transaction that is not read. */
  readonly before: bigint;
  readonly limit: number;
}

/** The next events that a tenant's decisions read, in the order of the log. */
export async function readTenantLog(query: Query, part: LogPart): Promise<readonly PastEvent[]> {
  const { rows } = await query.query<{
    tx: string;
    seq: string;
    tenant_id: string;
    type: string;
    envelope: string;
    us: string;
  }>({
    name: 'past-events',
    text: `select e.tx::text, e.seq::text, e.tenant_id, e.type, e.envelope,
             (extract(epoch from e.recorded_at) * 1000000)::bigint::text as us
           from unnest($1::text[]) t(id) cross join lateral (
             select * from events where tenant_id = t.id and ${besideDecisions} and type = any($6)
               and (tx, seq) > ($2::xid8, $3::bigint) and tx < $4::xid8
               and (t.id = $7 or type = 'role.revoked' or (type = 'role.granted' and envelope like '%"scope":"*"%'))
             order by tx, seq limit $5) e
           order by e.tx, e.seq limit $5`,
    values: [
      [part.tenantId, ...part.organizations],
      ...[String(part.after.tx), String(part.after.seq), String(part.before), part.limit, types, part.tenantId],
    ],
  });
  return rows.map((row) => ({
    position: { tx: BigInt(row.tx), seq: BigInt(row.seq) },
    recordedAtUs: Number(row.us),
    tenantId: row.tenant_id,
    type: row.type,
    data: parseEnvelope(row.envelope).data,
  }));
}

/** Other tenants that the facts of a tenant ever named as an organization: who belongs to them mattered then. */
export async function readOrganizations(query: Query, tenantId: string): Promise<ReadonlySet<string>> {
  const { rows } = await query.query<{ id: string }>({
    name: 'past-organizations',
    text: `select distinct data -> 'subject' ->> 'id' as id
           from (select envelope::jsonb -> 'data' as data from events where tenant_id = $1 and ${besideDecisions}
                   and type in ('role.granted', 'relationship.made') and envelope like '%"type":"org"%') e
           where data -> 'subject' ->> 'type' = 'org' and data -> 'subject' ->> 'id' <> $1 limit ${maxOrganizations + 1}`,
    values: [tenantId],
  });
  return new Set(rows.map(({ id }) => id));
}

export const maxOrganizations = 1_000;
