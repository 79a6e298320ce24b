import { RpcError } from '@gatehouse/bus';
import type { Query } from '@gatehouse/event-store';
import { formatPlace, type Place, parsePlace, startPlace } from './place.js';

export interface Question {
  readonly userId: string;
  readonly tenantIds: readonly string[];
  readonly cursor?: string | undefined;
  readonly eventId?: string | undefined;
}

export interface Answer {
  readonly items: { kind: string; record: Record<string, unknown> }[];
  readonly nextCursor?: string;
  readonly total?: number;
}

/** The ways a person can be in an entry; each has an index that gives it in order, and no entry is found by two. */
const roles = [
  'coalesce(subject_id, actor_id) = $2',
  `actor_id = $2 and actor_type = 'user' and subject_id is not null and subject_id <> $2`,
  `stream_id = 'user:' || $2 and stream_id like 'user:%' and coalesce(subject_id, actor_id) <> $2`,
  // Among the subjects of a batch of decisions that somebody else asked for.
  `subject_ids && array[$2] and coalesce(subject_id, actor_id) <> $2`,
] as const;

/** An answer has at most 1 MB, and an entry 64 KiB. */
const pageEntries = 250;
const pageBytes = 400_000;

interface Row {
  readonly at: string;
  readonly idx: string;
  readonly source: string;
  readonly leaf: string;
  readonly envelope: string;
}

const columns = `to_char(occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at, idx::text, source,
  encode(leaf_hash, 'base64') as leaf, envelope`;

const toItem = ({ idx, source, leaf, envelope }: Row): Answer['items'][number] => ({
  kind: 'ledger_entry',
  record: { index: Number(idx), source, leafHash: leaf, event: JSON.parse(envelope) },
});

/**
 * The next page of ledger entries in which a person acts, is decided about, or is changed, tenant by tenant. A page may
 * be short: what ends the list is a missing `nextCursor`.
 *
 * @param query connections of the system role
 */
export async function findEntries(query: Query, question: Question): Promise<Answer> {
  const { userId, tenantIds, cursor, eventId } = question;
  if (eventId !== undefined) return { items: (await findOne(query, userId, eventId)).map(toItem) };
  const from = cursor === undefined ? startPlace : parsePlace(cursor);
  if (!from) throw new RpcError('malformed', 'the cursor is none of ours');
  const total = cursor === undefined ? { total: await count(query, userId, tenantIds) } : {};
  for (let place: Place | undefined = from; place; place = nextRole(place, tenantIds.length)) {
    const rows = await readPage(query, userId, tenantIds[place.tenant] ?? '', place);
    if (rows.length === 0) continue;
    const page = upToBytes(rows);
    const last = page.at(-1) as Row;
    return { items: page.map(toItem), nextCursor: formatPlace({ ...place, at: last.at, index: last.idx }), ...total };
  }
  return { items: [], ...total };
}

function nextRole({ tenant, role }: Place, tenants: number): Place | undefined {
  const next = role + 1 < roles.length ? { tenant, role: role + 1 } : { tenant: tenant + 1, role: 0 };
  return next.tenant < tenants ? { ...startPlace, ...next } : undefined;
}

async function readPage(query: Query, userId: string, tenantId: string, { role, at, index }: Place) {
  const { rows } = await query.query<Row>(
    `select ${columns} from entries where tenant_id = $1 and ${roles[role]}
       and (occurred_at, idx) > ($3::timestamptz, $4::bigint) order by occurred_at, idx limit ${pageEntries}`,
    [tenantId, userId, at, index],
  );
  return rows;
}

/** As many as fit, and at least one. */
function upToBytes(rows: readonly Row[]): readonly Row[] {
  let bytes = 0;
  const end = rows.findIndex(({ envelope }) => {
    bytes += Buffer.byteLength(envelope);
    return bytes > pageBytes;
  });
  return end === -1 ? rows : rows.slice(0, Math.max(1, end));
}

async function count(query: Query, userId: string, tenantIds: readonly string[]): Promise<number> {
  const counts = roles.map((role) => `(select count(*) from entries where tenant_id = any($1) and ${role})`);
  const { rows } = await query.query<{ n: string }>(`select ${counts.join(' + ')} as n`, [tenantIds, userId]);
  return Number(rows[0]?.n ?? 0);
}

/** One event, if it speaks of the person. */
async function findOne(query: Query, userId: string, eventId: string): Promise<readonly Row[]> {
  const { rows } = await query.query<Row>(
    `select ${columns} from entries where event_id = $1 and position($2 in envelope) > 0`,
    [eventId, userId],
  );
  return rows;
}
