import { SharedBound } from '@gatehouse/fair-share';
import { unavailable } from '@gatehouse/http';

/** Secrets of one tenant that are worked on, and those of all that wait or are worked on. */
const limits = { atWork: 256, held: 4_096 } as const;

interface Waiting {
  readonly count: number;
  readonly begin: () => void;
}

interface Line {
  atWork: number;
  readonly waiting: Waiting[];
}

/**
 * Requests for many secrets take turns, those of each tenant among themselves and in the order they came. Without that,
 * twenty of them would fill what policy works on at once, and single requests would be refused for it. A tenant that fills
 * the line is refused alone.
 */
export class Turns {
  readonly #lines = new Map<string, Line>();
  readonly #held = new SharedBound(limits.held);

  /**
   * Does the work when there is room for so many more secrets.
   *
   * @param count at most 64
   * @throws ProblemError `unavailable`
   */
  async take<T>(tenantId: string, count: number, work: () => Promise<T>): Promise<T> {
    const place = { group: tenantId, count };
    if (!this.#held.enter(place)) throw unavailable('Too many secrets are asked for at once');
    const line = this.#lines.get(tenantId) ?? { atWork: 0, waiting: [] };
    this.#lines.set(tenantId, line);
    try {
      await new Promise<void>((begin) => {
        line.waiting.push({ count, begin });
        call(line);
      });
      return await work();
    } finally {
      this.#held.leave(place);
      line.atWork -= count;
      call(line);
      if (line.atWork === 0) this.#lines.delete(tenantId);
    }
  }
}

/** Lets in whoever has waited longest, while there is room. */
function call(line: Line): void {
  for (let next = line.waiting[0]; next && line.atWork + next.count <= limits.atWork; next = line.waiting[0]) {
    line.waiting.shift();
    line.atWork += next.count;
    next.begin();
  }
}
