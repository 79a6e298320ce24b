import type { Query } from '@gatehouse/event-store';
import { MerkleFrontier, type Tile } from '@gatehouse/merkle';
import type { LogIdentity } from '../checkpoint/log-key.js';
import { checkEntry, readStoredEntries, type StoredEntry } from './check-entry.js';
import { checkNoOtherTiles, checkTiles } from './check-tiles.js';
import { CheckpointWalk, type Promised } from './checkpoint-check.js';
import { type LedgerProblem, ProblemList } from './problem-list.js';

export interface LedgerCheckOptions {
  /** Connections of the system role. */
  readonly query: Query;
  readonly log: LogIdentity;
  /** What the file outside the database promises. */
  readonly promised?: Promised | undefined;
  readonly onProgress?: (checked: number, total: number) => void;
}

export interface LedgerReport {
  readonly ok: boolean;
  /** Entries, checkpoints and tiles that were checked. */
  readonly entries: number;
  readonly checkpoints: number;
  readonly tiles: number;
  readonly firstBadIndex: number | null;
  /** The first of them; `problemCount` has all. */
  readonly problems: readonly LedgerProblem[];
  readonly problemCount: number;
  readonly durationMs: number;
}

const pageEntries = 1_024;
/** Kept to tell the reason of a wrong root; beyond so many, anything is. */
const maxBadEntries = 10_000;

/**
 * Checks the whole ledger from its content: hashes every envelope anew, compares every column, rebuilds the tree, and
 * compares it with all tiles, the head, every checkpoint with its signatures, and the file outside the database. The
 * ledger may grow meanwhile; what it had at the start is checked.
 */
export async function checkLedger(options: LedgerCheckOptions): Promise<LedgerReport> {
  const startedAt = performance.now();
  const problems = new ProblemList();
  const bounds = await readBounds(options.query);
  const walk = new CheckpointWalk(options.query, options.log, problems, bounds.lastCheckpoint);
  const scan = new TreeScan(options.query, problems, walk, options.promised);
  await scan.begin();
  while (scan.size < bounds.size && (await scan.page(bounds.size))) options.onProgress?.(scan.size, bounds.size);
  if (scan.size === bounds.size) scan.compareHead(bounds.root);
  await scan.finish();
  await checkNoOtherTiles(options.query, problems);
  await checkNoOtherEntries(options.query, problems);
  return {
    ok: problems.count === 0,
    entries: scan.size,
    checkpoints: walk.count,
    tiles: scan.tileCount,
    firstBadIndex: problems.firstBadIndex ?? null,
    problems: problems.listed,
    problemCount: problems.count,
    durationMs: Math.round(performance.now() - startedAt),
  };
}

/** Rebuilds the tree page by page. */
class TreeScan {
  readonly #query: Query;
  readonly #problems: ProblemList;
  readonly #walk: CheckpointWalk;
  #promised: Promised | undefined;
  #tree = MerkleFrontier.empty();
  /** Since the last signed root that held. */
  #badEntries: number[] = [];
  /** Up to here a signed root was reached. */
  #provenSize = 0;
  /** Once one root is wrong, every later one is, too. */
  #isRootWrong = false;
  tileCount = 0;

  constructor(query: Query, problems: ProblemList, walk: CheckpointWalk, promised: Promised | undefined) {
    this.#query = query;
    this.#problems = problems;
    this.#walk = walk;
    this.#promised = promised;
  }

  get size(): number {
    return this.#tree.size;
  }

  async begin(): Promise<void> {
    await this.#walk.advance();
    await this.#compareRoots();
  }

  /** Checks the next entries below `end`; false when the tree can't be rebuilt any further. */
  async page(end: number): Promise<boolean> {
    const from = this.#tree.size;
    const rows = await readStoredEntries(this.#query, from, Math.min(from + pageEntries, end));
    const hole = rows.findIndex((row, i) => Number(row.idx) !== from + i);
    const whole = hole === -1 ? rows : rows.slice(0, hole);
    for (const row of whole) {
      const index = Number(row.idx);
      const found = checkEntry(row);
      if (found.length > 0 && this.#badEntries.length < maxBadEntries) this.#badEntries.push(index);
      for (const text of found) this.#problems.add(index, text);
    }
    await this.#grow(whole);
    const isComplete = whole.length === Math.min(pageEntries, end - from);
    if (!isComplete) this.#problems.add(this.#tree.size, 'the entry is missing');
    return isComplete;
  }

  /** Grows the tree by the stored leaf hashes, and stops at every size of which a root was signed. */
  async #grow(rows: readonly StoredEntry[]): Promise<void> {
    const tiles: Tile[] = [];
    let at = 0;
    while (at < rows.length) {
      const stop = Math.min(rows.length, at + this.#nextSigned() - this.#tree.size);
      const extension = this.#tree.extend(rows.slice(at, stop).map((row) => row.leaf_hash));
      this.#tree = extension.next;
      tiles.push(...extension.tiles);
      at = stop;
      await this.#compareRoots();
    }
    this.tileCount += tiles.length;
    await checkTiles(this.#query, tiles, this.#problems);
  }

  #nextSigned(): number {
    return Math.min(this.#walk.next?.size ?? Infinity, this.#promised?.size ?? Infinity);
  }

  async #compareRoots(): Promise<void> {
    while (this.#walk.next && this.#walk.next.size <= this.#tree.size) {
      this.#compare(this.#walk.next);
      await this.#walk.advance();
    }
    if (this.#promised && this.#promised.size <= this.#tree.size) {
      this.#compare(this.#promised);
      this.#promised = undefined;
    }
  }

  #compare({ name, size, root }: Promised): void {
    if (this.#isRootWrong) return;
    if (Buffer.compare(this.#tree.root(), root) === 0) {
      this.#provenSize = size;
      this.#badEntries = this.#badEntries.filter((index) => index >= size);
      return;
    }
    this.#isRootWrong = true;
    // A bad entry below this size is the reason, and says more.
    if (this.#badEntries.some((index) => index < size)) return;
    this.#problems.add(this.#provenSize, `${name} signed another tree: changed from entry ${this.#provenSize} on`);
  }

  compareHead(root: Uint8Array): void {
    const isSame = Buffer.compare(this.#tree.root(), root) === 0;
    if (!isSame && !this.#isRootWrong) this.#problems.add(undefined, 'ledger_head does not have the root of the tree');
  }

  /** What was signed past the end of the ledger. */
  async finish(): Promise<void> {
    if (this.#promised) this.#addCut(this.#promised);
    if (this.#walk.next) this.#addCut(this.#walk.next);
    while (this.#walk.next) await this.#walk.advance();
  }

  #addCut({ name, size }: Promised): void {
    this.#problems.add(this.#tree.size, `${name} signed ${size} entries, there are ${this.#tree.size} to compare with`);
  }
}

async function readBounds(query: Query) {
  const { rows } = await query.query<{ size: string; root: Buffer; last: string }>(
    `select size::text, root, (select coalesce(max(number), 0)::text from checkpoints) as last from ledger_head`,
  );
  const row = rows[0];
  if (!row) throw new Error('ledger_head has no row');
  return { size: Number(row.size), root: row.root, lastCheckpoint: Number(row.last) };
}

async function checkNoOtherEntries(query: Query, problems: ProblemList): Promise<void> {
  const { rows } = await query.query<{ idx: string }>(
    'select min(e.idx)::text idx from entries e, ledger_head h where e.idx >= h.size having count(*) > 0',
  );
  for (const { idx } of rows) problems.add(Number(idx), 'the entry stands past the end of the ledger');
}
