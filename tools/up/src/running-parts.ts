export interface Part {
  name: string;
  /** Lower stops earlier; equal ranks stop together. */
  rank: number;
  stop(): Promise<unknown>;
  kill(): Promise<unknown>;
}

/** Raised into a start that is still under way when everything is to stop. */
export class Stopped extends Error {
  constructor() {
    super('stopped while starting');
    this.name = 'Stopped';
  }
}

/** What is running, so that it can be stopped in order, also from the middle of a start. */
export class RunningParts {
  readonly #parts: Part[] = [];
  #stopping: Promise<void> | undefined;

  get stopping(): boolean {
    return this.#stopping !== undefined;
  }

  /** Throws Stopped, having stopped the part, when the stop has begun meanwhile. */
  async add(part: Part): Promise<void> {
    if (this.#stopping !== undefined) {
      await part.stop();
      throw new Stopped();
    }
    this.#parts.push(part);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stopByRank();
    return this.#stopping;
  }

  async kill(): Promise<void> {
    this.#stopping ??= Promise.resolve();
    await Promise.allSettled(this.#parts.map((part) => part.kill()));
  }

  async #stopByRank(): Promise<void> {
    const ranks = [...new Set(this.#parts.map(({ rank }) => rank))].sort((a, b) => a - b);
    for (const rank of ranks) {
      await Promise.allSettled(this.#parts.filter((part) => part.rank === rank).map((part) => part.stop()));
    }
  }
}
