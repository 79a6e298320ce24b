import type { Query } from '@gatehouse/event-store';
import type { SignedCheckpoint } from './signed-checkpoint.js';

export interface CheckpointRow extends SignedCheckpoint {
  /** From 1, without holes. */
  readonly number: number;
}

interface Columns {
  readonly number: string;
  readonly size: string;
  readonly root: Buffer;
  readonly note: string;
  readonly time_signature: string;
  readonly signed_at: Date;
}

const columns = 'number::text, size::text, root, note, time_signature, signed_at';

const toCheckpoint = (row: Columns): CheckpointRow => ({
  number: Number(row.number),
  size: Number(row.size),
  root: row.root,
  note: row.note,
  timeSignature: row.time_signature,
  signedAt: row.signed_at,
});

export async function readLatestCheckpoint(query: Query): Promise<CheckpointRow | undefined> {
  const { rows } = await query.query<Columns>({
    name: 'latest-checkpoint',
    text: `select ${columns} from checkpoints order by checkpoints.number desc limit 1`,
  });
  return rows[0] && toCheckpoint(rows[0]);
}

/** Checkpoints after a number, in order. */
export async function readCheckpoints(query: Query, after: number, upTo: number, limit: number) {
  const { rows } = await query.query<Columns>(
    `select ${columns} from checkpoints where checkpoints.number > $1 and checkpoints.number <= $2
     order by checkpoints.number limit $3`,
    [after, upTo, limit],
  );
  return rows.map(toCheckpoint);
}

/** Inserts the next checkpoint. The primary key refuses the second of two signers. */
export async function insertCheckpoint(query: Query, checkpoint: SignedCheckpoint): Promise<void> {
  await query.query({
    name: 'insert-checkpoint',
    text: `insert into checkpoints (number, size, root, note, time_signature, signed_at)
           select coalesce(max(c.number), 0) + 1, $1, $2, $3, $4, $5 from checkpoints c`,
    values: [checkpoint.size, checkpoint.root, checkpoint.note, checkpoint.timeSignature, checkpoint.signedAt],
  });
}
