import { connectionFromEnv, loadConfig, loadTogether } from '@gatehouse/config';
import { loadOrCreateEd25519 } from '@gatehouse/crypto';
import { openPool, type Query } from '@gatehouse/event-store';
import { z } from 'zod';
import { readHead } from '../ledger/ledger-head.js';
import { storedTiles } from '../ledger/stored-tiles.js';
import { auditSettings } from '../settings.js';
import { readLatestCheckpoint } from './checkpoint-rows.js';
import { readHeadFile, writeHeadFile } from './head-file.js';
import { type LogIdentity, logKey } from './log-key.js';
import { checkpointText, openCheckpointText, type SignedCheckpoint } from './signed-checkpoint.js';
import { storedRoot } from './signed-history.js';

const settingsOfCommand = z.object({
  LEDGER_KEY_FILE: auditSettings.shape.LEDGER_KEY_FILE,
  LEDGER_HEAD_FILE: auditSettings.shape.LEDGER_HEAD_FILE,
  LEDGER_ORIGIN: auditSettings.shape.LEDGER_ORIGIN,
});

/**
 * `adopt-head`: makes the lost `LEDGER_HEAD_FILE` anew from the last checkpoint in the database. For an operator who
 * knows that the database is the newest copy there is: the service never does this by itself.
 */
export async function adoptHead({ env }: { readonly env: NodeJS.ProcessEnv }): Promise<void> {
  const { settings, system } = loadTogether({
    settings: () => loadConfig(settingsOfCommand, env),
    system: () => connectionFromEnv(env, 'DATABASE_SYSTEM'),
  });
  const log = logKey(settings.LEDGER_ORIGIN, loadOrCreateEd25519(settings.LEDGER_KEY_FILE).privateKey);
  const query = openPool({ url: system.url, max: 1, applicationName: 'audit-adopt-head' });
  try {
    const adopted = await adoptLastCheckpoint(query, log, settings.LEDGER_HEAD_FILE);
    const when = adopted.signedAt.toISOString();
    process.stdout.write(`${settings.LEDGER_HEAD_FILE}: a tree of ${adopted.size} entries, signed ${when}\n`);
  } finally {
    await query.end();
  }
}

/** @throws Error when there is a file, or the database has no checkpoint of this ledger that its tree begins with */
export async function adoptLastCheckpoint(query: Query, log: LogIdentity, file: string): Promise<SignedCheckpoint> {
  if (await readHeadFile(file, log)) throw new Error(`${file} exists: there is nothing to adopt`);
  const row = await readLatestCheckpoint(query);
  if (!row) throw new Error('the database has no checkpoint: just start the service');
  const checkpoint = openCheckpointText(log, checkpointText(row));
  if ('problem' in checkpoint)
    throw new Error(`the last checkpoint is not by this ledger and key: ${checkpoint.problem}`);
  const head = await readHead(query);
  const root = head.size < checkpoint.size ? undefined : await storedRoot(checkpoint.size, storedTiles(query));
  if (!root || Buffer.compare(root, checkpoint.root) !== 0)
    throw new Error('the entries are not those that the last checkpoint signed: run fsck');
  await writeHeadFile(file, checkpoint);
  return checkpoint;
}
