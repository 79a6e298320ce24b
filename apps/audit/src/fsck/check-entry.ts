import type { Envelope } from '@gatehouse/contracts';
import type { Query } from '@gatehouse/event-store';
import { hashLeaf } from '@gatehouse/merkle';
import { type EntryRow, toEntryRow } from '../ledger/entry-row.js';

/** A row of `entries` as it is stored. */
export interface StoredEntry {
  readonly idx: string;
  readonly event_id: string;
  readonly tenant_id: string;
  readonly source: string;
  readonly type: string;
  readonly version: number;
  readonly actor_type: string;
  readonly actor_id: string;
  readonly subject_type: string | null;
  readonly subject_id: string | null;
  readonly subject_ids: string | null;
  readonly action: string | null;
  readonly resource: string | null;
  readonly decision: boolean | null;
  readonly stream_id: string;
  readonly correlation_id: string;
  readonly occurred_at: Date;
  readonly leaf_hash: Buffer;
  readonly envelope: string;
}

export async function readStoredEntries(query: Query, from: number, to: number): Promise<readonly StoredEntry[]> {
  const { rows } = await query.query<StoredEntry>({
    name: 'fsck-entries',
    text: `select idx::text, event_id, tenant_id, source, type, version, actor_type, actor_id, subject_type, subject_id,
                  array_to_string(subject_ids, e'\\x1f') as subject_ids, action, resource, decision, stream_id, correlation_id, occurred_at, leaf_hash, envelope
           from entries where idx >= $1 and idx < $2 order by entries.idx`,
    values: [from, to],
  });
  return rows;
}

const columns: readonly [keyof StoredEntry, (row: EntryRow) => unknown][] = [
  ['event_id', (row) => row.eventId],
  ['tenant_id', (row) => row.tenantId],
  ['type', (row) => row.type],
  ['version', (row) => row.version],
  ['actor_type', (row) => row.actorType],
  ['actor_id', (row) => row.actorId],
  ['subject_type', (row) => row.subjectType || null],
  ['subject_id', (row) => row.subjectId || null],
  ['subject_ids', (row) => row.subjectIds || null],
  ['action', (row) => row.action || null],
  ['resource', (row) => row.resource || null],
  ['decision', (row) => (row.decision === '' ? null : row.decision === 'true')],
  ['stream_id', (row) => row.streamId],
  ['correlation_id', (row) => row.correlationId],
];

/**
 * What is wrong with one stored entry, beside its place in the tree. The columns are checked too: whoever changes one
 * hides the entry from a search and leaves every proof intact.
 */
export function checkEntry(entry: StoredEntry): readonly string[] {
  const leafHash = hashLeaf(Buffer.from(entry.envelope, 'utf8'));
  if (Buffer.compare(leafHash, entry.leaf_hash) !== 0) return ['its envelope does not have its leaf hash'];
  let row: EntryRow;
  try {
    row = toEntryRow({ envelope: JSON.parse(entry.envelope) as Envelope, source: entry.source });
  } catch {
    return ['its envelope is not an event'];
  }
  const problems = columns
    .filter(([name, expected]) => entry[name] !== expected(row))
    .map(([name]) => `column ${name} is not what its envelope says`);
  const isSameTime = entry.occurred_at.getTime() === Date.parse(row.occurredAt);
  return isSameTime ? problems : [...problems, 'column occurred_at is not what its envelope says'];
}
