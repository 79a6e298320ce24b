import type { Query } from '@gatehouse/event-store';
import { type CheckpointRow, readCheckpoints } from '../checkpoint/checkpoint-rows.js';
import type { LogIdentity } from '../checkpoint/log-key.js';
import { checkpointText, openCheckpointText, type SignedCheckpoint } from '../checkpoint/signed-checkpoint.js';
import type { ProblemList } from './problem-list.js';

const pageRows = 1_000;

/** A promise about the tree at one size, to be compared with the tree when the scan gets there. */
export interface Promised {
  readonly name: string;
  readonly size: number;
  readonly root: Uint8Array;
}

/** Walks through all checkpoints in order, checks each by itself, and says at which size the tree must have which root. */
export class CheckpointWalk {
  readonly #query: Query;
  readonly #log: LogIdentity;
  readonly #problems: ProblemList;
  readonly #upTo: number;
  #page: CheckpointRow[] = [];
  #lastNumber = 0;
  #lastSize = 0;
  /** The next promise; undefined after the last one. */
  next: Promised | undefined;
  count = 0;

  constructor(query: Query, log: LogIdentity, problems: ProblemList, upToNumber: number) {
    this.#query = query;
    this.#log = log;
    this.#problems = problems;
    this.#upTo = upToNumber;
  }

  /** Moves on to the next checkpoint that is one. */
  async advance(): Promise<void> {
    this.next = undefined;
    while (this.next === undefined) {
      if (this.#page.length === 0) {
        this.#page = await readCheckpoints(this.#query, this.#lastNumber, this.#upTo, pageRows);
      }
      const row = this.#page.shift();
      if (!row) {
        if (this.#lastNumber < this.#upTo)
          this.#problems.add(undefined, `checkpoint ${this.#lastNumber + 1} is missing`);
        return;
      }
      this.count++;
      const name = `checkpoint ${row.number}`;
      const expected = this.#lastNumber + 1;
      if (row.number !== expected) this.#problems.add(undefined, `checkpoint ${expected} is missing`);
      this.#lastNumber = row.number;
      const promised = this.#open(name, row);
      if (typeof promised === 'string') this.#problems.add(undefined, `${name}: ${promised}`);
      else this.next = promised;
    }
  }

  /** What a row promises, or why it does not. */
  #open(name: string, row: CheckpointRow): Promised | string {
    const opened = openCheckpointText(this.#log, checkpointText(row));
    if ('problem' in opened) return opened.problem;
    if (!agrees(row, opened)) return 'its columns are not what its note says';
    if (opened.size < this.#lastSize) return 'it has fewer entries than the one before it';
    this.#lastSize = opened.size;
    return { name, size: opened.size, root: opened.root };
  }
}

const agrees = (row: SignedCheckpoint, opened: SignedCheckpoint): boolean =>
  row.size === opened.size &&
  Buffer.compare(row.root, opened.root) === 0 &&
  row.signedAt.getTime() === opened.signedAt.getTime();
