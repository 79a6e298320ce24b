import type { Query } from '@gatehouse/event-store';
import { FormatError, rootAt, type TileReader } from '@gatehouse/merkle';
import { LedgerDamaged } from '../ledger/ledger-damaged.js';
import { type LedgerHead, readHead } from '../ledger/ledger-head.js';
import { readLatestCheckpoint } from './checkpoint-rows.js';
import { readHeadFile } from './head-file.js';
import type { LogIdentity } from './log-key.js';
import { checkpointText, openCheckpointText, type SignedCheckpoint } from './signed-checkpoint.js';

/** What has been promised: the last checkpoint, as the file outside the database and the database remember it. */
export class SignedHistory {
  constructor(
    readonly headFile: string,
    readonly log: LogIdentity,
  ) {}

  /**
   * The head of the ledger and the last checkpoint, when the tree begins with what was signed.
   *
   * @param reader the stored tree
   * @throws LedgerDamaged when it does not, when either memory is not by this log, or when the file is missing beside
   *   signed checkpoints: the database alone cannot show that it is not an older copy of itself
   */
  async verify(query: Query, reader: TileReader): Promise<VerifiedHead> {
    // In this order: another replica may append and sign meanwhile, and what was signed is always below a later head.
    const inFile = await readHeadFile(this.headFile, this.log);
    const inTable = await this.#readTable(query);
    const head = await readHead(query);
    if (inTable && !inFile)
      throw new LedgerDamaged(
        `${this.headFile} is missing, but the ledger has signed checkpoints. Bring the file back, or, if it is lost for ` +
          'good and this database is the newest copy, run: adopt-head',
      );
    for (const promised of [inFile, inTable]) if (promised) await assertBeginsWith(head, promised, reader);
    // The file is written first. It is the older one only if a signer that had lost its turn wrote it late.
    const isTableLast = inTable !== undefined && inTable.size >= (inFile?.size ?? 0);
    return { head, last: isTableLast ? inTable : inFile, isLastStored: isTableLast };
  }

  async #readTable(query: Query): Promise<SignedCheckpoint | undefined> {
    const row = await readLatestCheckpoint(query);
    const opened = row && openCheckpointText(this.log, checkpointText(row));
    if (opened && 'problem' in opened)
      throw new LedgerDamaged(`the last checkpoint in the database is not by this ledger and key: ${opened.problem}`);
    return opened;
  }
}

export interface VerifiedHead {
  readonly head: LedgerHead;
  /** Undefined for a ledger that never signed. */
  readonly last: SignedCheckpoint | undefined;
  /** False when it is in the file alone: a crash came before its row, and nobody has been handed it. */
  readonly isLastStored: boolean;
}

async function assertBeginsWith(head: LedgerHead, promised: SignedCheckpoint, reader: TileReader): Promise<void> {
  if (head.size < promised.size)
    throw new LedgerDamaged(
      `the ledger has ${head.size} entries, but a tree of ${promised.size} was signed: an older copy of the database?`,
    );
  if (Buffer.compare(await storedRoot(promised.size, reader), promised.root) !== 0)
    throw new LedgerDamaged(
      `the first ${promised.size} entries are not those that were signed: another ledger's database, or changed entries`,
    );
}

/** The root of the stored tree at some size. @throws LedgerDamaged when hashes are missing */
export async function storedRoot(size: number, reader: TileReader): Promise<Uint8Array> {
  try {
    return await rootAt(size, reader);
  } catch (error) {
    if (error instanceof FormatError) throw new LedgerDamaged(`the ledger has a hole: ${error.message}`);
    throw error;
  }
}
