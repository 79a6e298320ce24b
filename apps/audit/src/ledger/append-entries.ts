import type { Query } from '@gatehouse/event-store';
import type { Tile } from '@gatehouse/merkle';
import type { EntryRow } from './entry-row.js';
import type { LedgerHead } from './ledger-head.js';

export interface NewEntry {
  readonly row: EntryRow;
  /** Canonical JSON of the envelope. */
  readonly text: string;
  /** 32 bytes. */
  readonly leafHash: Uint8Array;
}

export interface Append {
  /** The head that the entries were numbered and hashed from. */
  readonly from: LedgerHead;
  readonly to: LedgerHead;
  readonly entries: readonly NewEntry[];
  /** Tiles that became full. */
  readonly tiles: readonly Tile[];
}

// `required`: of one empty text the server makes an empty array, and its element is null.
const required = (name: string) => `coalesce(${name}, '')`;
const optional = (name: string) => `nullif(${name}, '')`;

const textColumns = [
  ['event_id', 'event_id::uuid', (row: EntryRow) => row.eventId],
  ['tenant_id', required('tenant_id'), (row: EntryRow) => row.tenantId],
  ['source', required('source'), (row: EntryRow) => row.source],
  ['type', required('type'), (row: EntryRow) => row.type],
  ['version', 'version::integer', (row: EntryRow) => row.version],
  ['actor_type', required('actor_type'), (row: EntryRow) => row.actorType],
  ['actor_id', required('actor_id'), (row: EntryRow) => row.actorId],
  ['subject_type', optional('subject_type'), (row: EntryRow) => row.subjectType],
  ['subject_id', optional('subject_id'), (row: EntryRow) => row.subjectId],
  ['subject_ids', `string_to_array(${optional('subject_ids')}, e'\\x1f')`, (row: EntryRow) => row.subjectIds],
  ['action', optional('action'), (row: EntryRow) => row.action],
  ['resource', optional('resource'), (row: EntryRow) => row.resource],
  ['decision', `${optional('decision')}::boolean`, (row: EntryRow) => row.decision],
  ['stream_id', required('stream_id'), (row: EntryRow) => row.streamId],
  ['correlation_id', required('correlation_id'), (row: EntryRow) => row.correlationId],
  ['occurred_at', 'occurred_at::timestamptz', (row: EntryRow) => row.occurredAt],
] as const;

// One text a column, split by the server: no value holds a raw record separator (see entry-row.ts; in canonical JSON
// it is escaped), and node-pg would quote and escape every element of an array.
const separator = '\x1e';
const fixedParameters = 9;
const names = textColumns.map(([name]) => name);
const expressions = textColumns.map(([, expression]) => expression);
const arrays = [...names, 'envelope'].map((_, i) => `string_to_array($${fixedParameters + 1 + i}, e'\\x1e')`);

/** One statement, one round trip. Where the head is not the expected one, `head` is empty and nothing is inserted. */
const appendText = `
  with head as (
    update ledger_head set size = $3, root = $4 where size = $1 and root = $2 returning size
  ), appended as (
    insert into entries (idx, ${names.join(', ')}, envelope, leaf_hash)
    select $1::bigint + place - 1, ${expressions.join(', ')}, envelope,
           substring($5::bytea from (place::integer - 1) * 32 + 1 for 32)
    from head, unnest(${arrays.join(', ')}) with ordinality as t(${names.join(', ')}, envelope, place)
  ), filled as (
    insert into tiles (level, n, hashes, root)
    select level, n, substring($8::bytea from (place::integer - 1) * 8192 + 1 for 8192),
           substring($9::bytea from (place::integer - 1) * 32 + 1 for 32)
    from head, unnest($6::integer[], $7::bigint[]) with ordinality as t(level, n, place)
  )
  select size from head`;

/**
 * Appends entries behind the head, if the ledger still ends there: index, leaf, tiles and head in one statement.
 *
 * @returns false when the ledger's head is another one; nothing is written then
 */
export async function appendEntries(query: Query, { from, to, entries, tiles }: Append): Promise<boolean> {
  const { rowCount } = await query.query({
    name: 'ledger-append',
    text: appendText,
    values: [
      from.size,
      from.root,
      to.size,
      to.root,
      Buffer.concat(entries.map((entry) => entry.leafHash)),
      tiles.map((tile) => tile.level),
      tiles.map((tile) => tile.index),
      Buffer.concat(tiles.map((tile) => tile.hashes)),
      Buffer.concat(tiles.map((tile) => tile.root)),
      ...textColumns.map(([, , pick]) => entries.map(({ row }) => pick(row)).join(separator)),
      entries.map(({ text }) => text).join(separator),
    ],
  });
  return rowCount === 1;
}
