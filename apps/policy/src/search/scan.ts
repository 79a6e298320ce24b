import type { Decision } from '@gatehouse/evaluator';

/** Lets others work: everything else of the process waits while a search runs. */
export interface Turns {
  /** Whether it is time to let others work. */
  readonly isOver: () => boolean;
  /** Resolves at our next turn. @throws what ends the search, for instance that nobody waits for it any more */
  readonly next: () => Promise<void>;
}

export interface ScanOptions {
  /** Begin behind this name. */
  readonly after: string | undefined;
  readonly limit: number;
  /** Go on behind the page, to know how many there are. */
  readonly countsAll: boolean;
  readonly turns: Turns;
}

export interface Scanned {
  readonly found: readonly Hit[];
  /** There are more behind the last one. */
  readonly more: boolean;
  /** Only when all were counted. */
  readonly total?: number;
}

export interface Hit {
  readonly name: string;
  readonly decision: Decision;
}

/** Looking at the clock costs as much as a quick decision. */
const lookEvery = 32;

/**
 * The first `limit` names that are permitted. Names are sorted by code unit, so that a page ends and the next begins at a
 * name and no list has to be kept in between: all pages together ask each candidate once.
 */
export async function scan(
  names: readonly string[],
  decide: (name: string) => Decision,
  { after, limit, countsAll, turns }: ScanOptions,
): Promise<Scanned> {
  const found: Hit[] = [];
  let permitted = 0;
  for (let at = after === undefined ? 0 : firstBehind(names, after); at < names.length; at++) {
    if (at % lookEvery === 0 && turns.isOver()) await turns.next();
    const name = names[at] as string;
    const decision = decide(name);
    if (!decision.decision) continue;
    permitted += 1;
    if (permitted <= limit) found.push({ name, decision });
    else if (!countsAll) break;
  }
  return { found, more: permitted > limit, ...(countsAll && { total: permitted }) };
}

/** Index of the first name behind `name`, which need not be there any more. */
export function firstBehind(names: readonly string[], name: string): number {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((names[middle] as string) > name) high = middle;
    else low = middle + 1;
  }
  return low;
}
