import { type Held, pause } from '@gatehouse/event-store';
import type pg from 'pg';
import { LedgerDamaged } from '../ledger/ledger-damaged.js';
import { storedTiles } from '../ledger/stored-tiles.js';
import { insertCheckpoint } from './checkpoint-rows.js';
import { writeHeadFile } from './head-file.js';
import type { LogKey } from './log-key.js';
import { signCheckpoint } from './signed-checkpoint.js';
import { type SignedHistory, storedRoot } from './signed-history.js';

export interface CheckpointSignerOptions {
  readonly key: LogKey;
  readonly history: SignedHistory;
  /** Called once for each alarm: nothing is signed until the ledger is as it was signed again. */
  readonly onDamage: (error: LedgerDamaged) => void;
  readonly onError: (error: Error) => void;
  readonly newsMs?: number;
  readonly idleMs?: number;
  readonly now?: () => number;
}

/** Longest time between two checkpoints of an idle ledger: silence is provable to this. */
export const idleCheckpointMs = 60_000;
const newsCheckpointMs = 1_000;

/**
 * Signs the head of the ledger: every second while there is news, every minute when idle, and only what extends the
 * last checkpoint. One signer at a time (`Exclusive`); it writes through the session that holds its turn, so one that
 * has lost the turn can no longer commit.
 */
export class CheckpointSigner {
  readonly #options: Required<CheckpointSignerOptions>;
  /** Why nothing is signed; '' while all is well. */
  damage = '';

  constructor(options: CheckpointSignerOptions) {
    this.#options = { newsMs: newsCheckpointMs, idleMs: idleCheckpointMs, now: Date.now, ...options };
  }

  readonly run = async ({ client, signal }: Held): Promise<void> => {
    while (!signal.aborted) {
      await this.#tryOnce(client, signal);
      await pause(this.#options.newsMs, signal);
    }
    this.damage = '';
  };

  async #tryOnce(client: pg.Client, signal: AbortSignal): Promise<void> {
    try {
      await this.signIfDue(client);
      this.damage = '';
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof LedgerDamaged)) return this.#options.onError(error as Error);
      if (this.damage !== error.message) this.#options.onDamage(error);
      this.damage = error.message;
    }
  }

  /** Signs if there is news or the last checkpoint is old. Answers whether it signed. @throws LedgerDamaged */
  async signIfDue(client: pg.Client): Promise<boolean> {
    const { key, history, idleMs, now } = this.#options;
    const reader = storedTiles(client);
    const { head, last, isLastStored } = await history.verify(client, reader);
    const isOpen = head.size !== last?.size || !isLastStored;
    if (!isOpen && now() - last.signedAt.getTime() < idleMs) return false;
    if (Buffer.compare(await storedRoot(head.size, reader), head.root) !== 0)
      throw new LedgerDamaged(`the tree of the ${head.size} entries does not have the root in ledger_head`);
    const checkpoint = signCheckpoint(key, head, now());
    await client.query('begin');
    try {
      await insertCheckpoint(client, checkpoint);
      // COMMIT POINT of the promise: from here on nothing smaller or different is ever signed. The row commits after
      // it, so nobody is handed a checkpoint that a crash could make us forget; a crash in between costs the row only.
      await writeHeadFile(history.headFile, checkpoint);
      const { command } = await client.query('commit');
      if (command !== 'COMMIT') throw new Error('the checkpoint was not stored');
      return true;
    } catch (error) {
      await client.query('rollback').catch(() => undefined);
      throw error;
    }
  }
}
