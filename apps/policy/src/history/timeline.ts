import { comparePositions, type Position, startPosition } from '@gatehouse/contracts';

/**
 * The moments of one log, numbered from 1: step 0 is before the first. An event is known from the time when it was
 * recorded, and not before those in front of it: transactions commit in another order than they write, so each takes the
 * latest time up to there. What is true at a time is then always a beginning of the log, and a later time never less of it.
 */
export class Timeline {
  readonly #positions: Position[] = [];
  readonly #knownAt: number[] = [];

  get steps(): number {
    return this.#positions.length;
  }

  /** Adds an event behind all others and answers its step. */
  add(position: Position, recordedAtUs: number): number {
    const latest = this.#knownAt.at(-1) ?? Number.NEGATIVE_INFINITY;
    this.#positions.push(position);
    this.#knownAt.push(Math.max(latest, recordedAtUs));
    return this.#positions.length;
  }

  stepAtTime(us: number): number {
    return this.#count((i) => (this.#knownAt[i] ?? 0) <= us);
  }

  stepAtPosition(position: Position): number {
    return this.#count((i) => comparePositions(this.#positions[i] ?? startPosition, position) <= 0);
  }

  positionOf(step: number): Position {
    return this.#positions[step - 1] ?? startPosition;
  }

  /** From when on a step was known, in microseconds; 0 before the first. */
  knownAt(step: number): number {
    return this.#knownAt[step - 1] ?? 0;
  }

  /** How many events from the first on have a property that no event has behind one that lacks it. */
  #count(holds: (i: number) => boolean): number {
    let [low, high] = [0, this.#positions.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (holds(middle)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
