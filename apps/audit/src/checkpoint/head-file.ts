import { open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { LedgerDamaged } from '../ledger/ledger-damaged.js';
import type { LogIdentity } from './log-key.js';
import { checkpointText, openCheckpointText, type SignedCheckpoint } from './signed-checkpoint.js';

/**
 * The last checkpoint, kept outside the database: whoever restores the database does not restore what was promised.
 *
 * @returns undefined when there is no such file
 * @throws LedgerDamaged when the file is not a checkpoint by this key
 */
export async function readHeadFile(path: string, log: LogIdentity): Promise<SignedCheckpoint | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const opened = openCheckpointText(log, text);
  if ('problem' in opened)
    throw new LedgerDamaged(`${path} is no checkpoint of this ledger and key: ${opened.problem}`);
  return opened;
}

/** Replaces the file; a reader, or a crash, finds the old or the new checkpoint, never a part of one. Durable on return. */
export async function writeHeadFile(path: string, checkpoint: SignedCheckpoint): Promise<void> {
  // One name, and not a random one: a crash in between leaves at most one stray file, and the lock is ours.
  const draft = `${path}.new`;
  const file = await open(draft, 'w', 0o600);
  try {
    await file.writeFile(checkpointText(checkpoint));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
  const folder = await open(dirname(path), 'r');
  await folder.sync().finally(() => folder.close());
}
