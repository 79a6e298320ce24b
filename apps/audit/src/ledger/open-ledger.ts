import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { loadOrCreateEd25519 } from '@gatehouse/crypto';
import type { Exclusive } from '@gatehouse/event-store';
import type { Platform } from '@gatehouse/service';
import { CheckpointSigner } from '../checkpoint/checkpoint-signer.js';
import { type LogKey, logKey } from '../checkpoint/log-key.js';
import { SignedHistory } from '../checkpoint/signed-history.js';
import { LedgerDamaged } from './ledger-damaged.js';
import { LedgerWatch } from './ledger-watch.js';
import { Sequencer } from './sequencer.js';
import { storedTiles } from './stored-tiles.js';

export interface LedgerSettings {
  readonly LEDGER_KEY_FILE: string;
  readonly LEDGER_HEAD_FILE: string;
  readonly LEDGER_ORIGIN: string;
}

/** The parts that keep the ledger: one sequencer and one signer among all replicas, and a watch on each. */
export interface Ledger {
  readonly key: LogKey;
  readonly sequencer: Sequencer;
  readonly signer: CheckpointSigner;
  readonly watch: LedgerWatch;
  start(): void;
  stop(): Promise<void>;
}

/**
 * Prepares the ledger, and refuses to when the database is not the one that was signed. A database that cannot be
 * reached is no reason: the sequencer checks again before its first entry, and the signer before each checkpoint.
 *
 * @throws LedgerDamaged
 */
export async function openLedger(platform: Platform, settings: LedgerSettings): Promise<Ledger> {
  const query = platform.database.system;
  mkdirSync(dirname(settings.LEDGER_HEAD_FILE), { recursive: true, mode: 0o700 });
  const key = logKey(settings.LEDGER_ORIGIN, loadOrCreateEd25519(settings.LEDGER_KEY_FILE).privateKey);
  const history = new SignedHistory(settings.LEDGER_HEAD_FILE, key);
  await history.verify(query, storedTiles(query)).catch((error: Error) => {
    if (error instanceof LedgerDamaged) throw error;
    platform.logger.warn({ err: error }, 'the ledger cannot be checked yet');
  });
  const signer = new CheckpointSigner({
    key,
    history,
    onDamage: (error) => platform.logger.fatal({ err: error }, 'the ledger is damaged: nothing is signed any more'),
    onError: platform.warn('no checkpoint could be signed'),
  });
  const watch = new LedgerWatch(query, platform.warn('the ledger cannot be looked at'));
  let turn: Exclusive | undefined;
  return {
    key,
    signer,
    watch,
    sequencer: new Sequencer(history),
    start: () => {
      watch.start();
      turn = platform.exclusively('signer', signer.run);
    },
    stop: async () => {
      await Promise.all([turn?.stop(), watch.stop()]);
    },
  };
}
