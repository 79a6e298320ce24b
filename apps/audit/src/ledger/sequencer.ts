import type { Query } from '@gatehouse/event-store';
import { hashLeaf, MerkleFrontier } from '@gatehouse/merkle';
import type { ProjectedEvent } from '@gatehouse/projection';
import type { SignedHistory } from '../checkpoint/signed-history.js';
import { appendEntries, type NewEntry } from './append-entries.js';
import { entryBytes, toEntryRow } from './entry-row.js';
import { LedgerDamaged } from './ledger-damaged.js';
import { storedTiles } from './stored-tiles.js';

/** Entries of one statement: bounds what is held in memory twice, as rows and as parameters. */
const maxEntriesAtOnce = 4_096;

/**
 * Gives events their index. The only writer of the ledger; where two of them run, the compare-and-set of the head lets
 * one pass, and the other one's transaction inserts nothing.
 */
export class Sequencer {
  readonly #history: Pick<SignedHistory, 'verify'>;
  /**
   * Where the ledger ends, as far as this process knows. It is set before the caller's commit, which may yet fail, and
   * another process may append: so it is only a guess, which the compare-and-set of the next append confirms.
   */
  #guess: MerkleFrontier | undefined;
  /** The last batch that could not be appended; a batch comes again until it is. */
  failure: { readonly reason: string; readonly atMs: number } | undefined;

  constructor(history: Pick<SignedHistory, 'verify'>) {
    this.#history = history;
  }

  /**
   * Appends events inside the caller's transaction, whose commit is the commit point of index, leaf, tiles, head and the
   * consumer's position together. Throws {@link LedgerDamaged}.
   */
  readonly apply = async (client: Query, events: readonly ProjectedEvent[]): Promise<void> => {
    try {
      const entries = events.map(toEntry);
      for (let at = 0; at < entries.length; at += maxEntriesAtOnce) {
        await this.#append(client, entries.slice(at, at + maxEntriesAtOnce));
      }
      this.failure = undefined;
    } catch (error) {
      this.#guess = undefined;
      const reason = error instanceof LedgerDamaged ? error.message : 'the last batch could not be appended';
      this.failure = { reason, atMs: Date.now() };
      throw error;
    }
  };

  async #append(client: Query, entries: readonly NewEntry[]): Promise<void> {
    const next = this.#guess && (await extend(client, this.#guess, entries));
    if (next) {
      this.#guess = next;
      return;
    }
    const restored = await this.restore(client);
    this.#guess = await extend(client, restored, entries);
    if (!this.#guess) throw new Error('another sequencer moved the head of the ledger: this batch comes again');
  }

  /** The tree as it is stored, checked against the head beside it and against what was signed. @throws LedgerDamaged */
  async restore(client: Query): Promise<MerkleFrontier> {
    const reader = storedTiles(client);
    // Where the database was restored to an older state, appending would make a second history.
    const { head } = await this.#history.verify(client, reader);
    const frontier = await MerkleFrontier.restore(head.size, reader).catch((error: Error) => {
      throw error.name === 'FormatError' ? new LedgerDamaged(`the ledger has a hole: ${error.message}`) : error;
    });
    if (Buffer.compare(frontier.root(), head.root) !== 0) {
      throw new LedgerDamaged(`the tree of the ${head.size} entries does not have the root in ledger_head`);
    }
    return frontier;
  }
}

function toEntry(event: ProjectedEvent): NewEntry {
  return { row: toEntryRow(event), text: event.text, leafHash: hashLeaf(entryBytes(event.text)) };
}

/** The next frontier, or undefined when the ledger does not end at this one. */
async function extend(client: Query, frontier: MerkleFrontier, entries: readonly NewEntry[]) {
  const { next, tiles } = frontier.extend(entries.map((entry) => entry.leafHash));
  const [from, to] = [frontier, next].map((tree) => ({ size: tree.size, root: tree.root() }));
  if (!from || !to) return undefined;
  return (await appendEntries(client, { from, to, entries, tiles })) ? next : undefined;
}
