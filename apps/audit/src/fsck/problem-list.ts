/** One thing that is not as it must be. */
export interface LedgerProblem {
  /** The entry at fault, or the first one that may be; undefined when no entry is. */
  readonly index: number | undefined;
  readonly text: string;
}

/** Problems listed one by one; a damaged disk would fill the screen, and the first is what matters. */
const maxListed = 20;

/** Collects problems in a bounded list. */
export class ProblemList {
  readonly listed: LedgerProblem[] = [];
  count = 0;
  /** The lowest index of any problem, listed or not. */
  firstBadIndex: number | undefined;

  add(index: number | undefined, text: string): void {
    this.count++;
    if (this.listed.length < maxListed) this.listed.push({ index, text });
    if (index !== undefined) this.firstBadIndex = Math.min(index, this.firstBadIndex ?? index);
  }
}
