import type { Envelope, Position } from '@gatehouse/contracts';
import type { WrittenEvent } from '../write-event.js';
import type { Query } from './database.js';

// Columns travel as one text each, split by the server: canonical JSON holds no raw control character, so the
// record separator can't occur in a value, and nothing has to be escaped (node-pg's own arrays escape every quote).
const separator = '\x1e';
const join = (values: readonly (string | number)[]): string => values.join(separator);

const insertText = (guard: string) => `
  insert into events (id, tenant_id, stream_id, revision, type, command_id, envelope)
  select id::uuid, tenant_id, stream_id, revision::integer, type, nullif(command_id, ''), envelope
  from unnest(string_to_array($1, e'\\x1e'), string_to_array($2, e'\\x1e'), string_to_array($3, e'\\x1e'),
              string_to_array($4, e'\\x1e'), string_to_array($5, e'\\x1e'), string_to_array($6, e'\\x1e'),
              string_to_array($7, e'\\x1e')) with ordinality
       as t(id, tenant_id, stream_id, revision, type, command_id, envelope, place)
  ${guard}
  order by place
  returning tx::text, seq::text`;

/** What is stored of an event: parts of its envelope as columns, and its whole canonical text. */
export interface StorableEvent {
  readonly envelope: Pick<Envelope, 'id' | 'tenantId' | 'streamId' | 'revision' | 'type'>;
  readonly text: string;
}

const columns = (events: readonly StorableEvent[], commandId: string): string[] => {
  const envelopes = events.map((event) => event.envelope);
  return [
    join(envelopes.map((e) => e.id)),
    join(envelopes.map((e) => e.tenantId)),
    join(envelopes.map((e) => e.streamId)),
    join(envelopes.map((e) => e.revision)),
    join(envelopes.map((e) => e.type)),
    // Only the first event of a command carries its id: the unique index is then the idempotency check.
    join(envelopes.map((_, i) => (i === 0 ? commandId : ''))),
    join(events.map((event) => event.text)),
  ];
};

type Row = { tx: string; seq: string };
const toPosition = (row: Row): Position => ({ tx: BigInt(row.tx), seq: BigInt(row.seq) });

/** Inserts the events of one stream, only if it stands at `expectedRevision`. Answers undefined if it does not. */
export async function insertAtRevision(
  query: Query,
  events: readonly WrittenEvent[],
  expectedRevision: number,
  commandId = '',
): Promise<Position | undefined> {
  const first = events[0]?.envelope;
  if (!first) return undefined;
  const { rows } = await query.query<Row>({
    name: 'append',
    // The unique index refuses a revision that is taken; this refuses one that would leave a hole.
    text: insertText(`where (select coalesce(max(revision), 0) from events e
                             where e.tenant_id = $8 and e.stream_id = $9) = $10`),
    values: [...columns(events, commandId), first.tenantId, first.streamId, expectedRevision],
  });
  const last = rows.at(-1);
  return last && toPosition(last);
}

/** The payload of a wake-up for a batch of high-rate events: readers of other types may sleep on. */
export const highRate = 'high-rate';

/** Inserts first events of new streams, of any tenants: one statement, one round trip, one commit. */
export async function insertFirstEvents(query: Query, events: readonly StorableEvent[]): Promise<void> {
  const [first] = events;
  if (first && events.length === 1) return insertFirstEvent(query, first);
  await query.query({
    name: 'append-batch',
    text: `with written as (${insertText('')}) select 1 where false`,
    values: columns(events, ''),
  });
}

/** Who comes alone waits for the whole statement: taking columns apart takes PostgreSQL longer than the insert. */
async function insertFirstEvent(query: Query, { envelope, text }: StorableEvent): Promise<void> {
  await query.query({
    name: 'append-one',
    text: `insert into events (id, tenant_id, stream_id, revision, type, envelope) values ($1, $2, $3, $4, $5, $6)`,
    values: [envelope.id, envelope.tenantId, envelope.streamId, envelope.revision, envelope.type, text],
  });
}

export interface StoredEvent {
  readonly position: Position;
  readonly tenantId: string;
  readonly streamId: string;
  readonly type: string;
  /** Canonical JSON of the envelope, exactly as it was written. */
  readonly text: string;
}

export interface LogPage {
  readonly events: readonly StoredEvent[];
  /** Everything up to here has been considered, whether or not its type was asked for. */
  readonly position: Position;
  /** True when events stand behind the oldest running transaction: look again soon, no wake-up may come. */
  readonly held: boolean;
}

export interface ReadLogOptions {
  readonly limit: number;
  /** Only these; the position still moves past the others. */
  readonly types?: readonly string[] | undefined;
}

const lastSeq = 9_223_372_036_854_775_807n;
const lastPosition: Position = { tx: 18_446_744_073_709_551_615n, seq: lastSeq };

/**
 * The next events of the whole log after a position, in the one order that never changes behind a reader: up to the
 * oldest transaction still running anywhere in the cluster. The horizon is read first, so that whatever commits
 * between the two statements is left for the next page. A position moves only past events, so an idle log costs no write.
 *
 * @example
 * const page = await readLog(pool, position, { limit: 500, types: ['key.created'] });
 * for (const event of page.events) await apply(event);
 * position = page.position;
 */
export async function readLog(query: Query, after: Position, { limit, types }: ReadLogOptions): Promise<LogPage> {
  const horizon = await readHorizon(query, after, types);
  if (!horizon.passed) return { events: [], position: after, held: horizon.held };
  const upTo = { tx: horizon.tx - 1n, seq: lastSeq };
  const events = await readUpTo(query, after, upTo, { limit, types });
  const last = events.at(-1)?.position;
  if (events.length === limit && last) return { events, position: last, held: false };
  return { events, position: upTo, held: horizon.held };
}

/**
 * The next events whatever the horizon, uncommitted ones left out: only for a reader that has locked all writers out of
 * the tables it compares with, and never to move a position, which what is still uncommitted would then be behind.
 */
export const readVisible = (query: Query, after: Position, options: ReadLogOptions): Promise<readonly StoredEvent[]> =>
  readUpTo(query, after, lastPosition, options);

interface Horizon {
  /** The oldest transaction still running: whatever is before it has committed, or never will. */
  readonly tx: bigint;
  /** Events of any type stand between the position and the horizon. */
  readonly passed: boolean;
  /** Wanted events have committed, but behind the horizon. */
  readonly held: boolean;
}

// The first event behind a place is looked for in the order of the index: asked for as "exists", a table without statistics
// (a log that has just begun, a replica after its promotion) is read from its beginning, at every look.
async function readHorizon(query: Query, after: Position, types: readonly string[] | undefined): Promise<Horizon> {
  const { rows } = await query.query<{ tx: string; passed: boolean; held: boolean }>({
    name: types ? 'log-horizon-types' : 'log-horizon',
    text: `select h.tx::text,
             coalesce((select e.tx < h.tx from events e where (e.tx, e.seq) > ($1::xid8, $2::bigint)
                       order by e.tx, e.seq limit 1), false) passed,
             coalesce((select true from events e
                       where (e.tx, e.seq) > ($1::xid8, $2::bigint) and (e.tx, e.seq) >= (h.tx, 0)
                       ${types ? 'and e.type = any($3)' : ''} order by e.tx, e.seq limit 1), false) held
           from (select pg_snapshot_xmin(pg_current_snapshot()) as tx) h`,
    values: [String(after.tx), String(after.seq), ...(types ? [types] : [])],
  });
  const row = rows[0];
  return { tx: BigInt(row?.tx ?? 0), passed: row?.passed ?? false, held: row?.held ?? false };
}

/** The next events after `after` up to and with `upTo`, a position that a reader has already passed. */
export async function readUpTo(
  query: Query,
  after: Position,
  upTo: Position,
  { limit, types }: ReadLogOptions,
): Promise<readonly StoredEvent[]> {
  const { rows } = await query.query<Row & { tenant_id: string; stream_id: string; type: string; envelope: string }>({
    name: types ? 'read-log-types' : 'read-log',
    text: `select tx::text, seq::text, tenant_id, stream_id, type, envelope from events
           where (tx, seq) > ($1::xid8, $2::bigint) and (tx, seq) <= ($3::xid8, $4::bigint)
             ${types ? 'and type = any($6)' : ''}
           order by events.tx, events.seq limit $5`,
    values: [String(after.tx), String(after.seq), String(upTo.tx), String(upTo.seq), limit, ...(types ? [types] : [])],
  });
  return rows.map((row) => ({
    position: toPosition(row),
    tenantId: row.tenant_id,
    streamId: row.stream_id,
    type: row.type,
    text: row.envelope,
  }));
}

export const parseEnvelope = (text: string): Envelope => JSON.parse(text) as Envelope;
