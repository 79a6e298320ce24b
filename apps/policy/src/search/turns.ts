import type { Turns } from './scan.js';

/** How long a search may keep everybody else waiting. */
const sliceMs = 4;

/**
 * Turns of all searches of the process: one slice of one search, then whatever else waits, then the next search's. Ten
 * searches take ten times as long, and a decision beside them waits for one slice all the same.
 */
export class SearchTurns {
  readonly #waiting: (() => void)[] = [];
  #called = false;

  /** @param check throws when the search shall end */
  take(check: () => void): Turns {
    let until = performance.now() + sliceMs;
    return {
      isOver: () => performance.now() >= until,
      next: async () => {
        await this.#turn();
        check();
        until = performance.now() + sliceMs;
      },
    };
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#call();
    });
  }

  #call(): void {
    if (this.#called || this.#waiting.length === 0) return;
    this.#called = true;
    setImmediate(() => {
      this.#called = false;
      this.#waiting.shift()?.();
      this.#call();
    });
  }
}

export interface PlacesOptions {
  /** Searches of one tenant at once. */
  readonly running: number;
  /** Searches of one tenant that wait for these. */
  readonly waiting: number;
}

interface Queue {
  running: number;
  readonly waiting: (() => void)[];
}

/** So many searches of a tenant, and no more: others' decisions are made by the same process. */
export class SearchPlaces {
  readonly #queues = new Map<string, Queue>();

  constructor(private readonly options: PlacesOptions) {}

  /** Runs `work` when there is room; answers nothing, and runs nothing, when too many wait already. */
  async within<T>(tenantId: string, work: () => Promise<T>): Promise<T | undefined> {
    const queue = this.#queues.get(tenantId) ?? { running: 0, waiting: [] };
    if (queue.running < this.options.running) queue.running += 1;
    else if (queue.waiting.length < this.options.waiting) await new Promise<void>((go) => queue.waiting.push(go));
    else return undefined;
    this.#queues.set(tenantId, queue);
    try {
      return await work();
    } finally {
      // Whoever is next takes our place over.
      const next = queue.waiting.shift();
      if (next) next();
      else if (--queue.running === 0) this.#queues.delete(tenantId);
    }
  }

  /** Tenants with a search. */
  get size(): number {
    return this.#queues.size;
  }
}
