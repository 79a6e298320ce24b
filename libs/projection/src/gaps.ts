import { comparePositions, type Position, startPosition } from '@gatehouse/contracts';
import type { Plan } from './plan-batches.js';

interface Gap {
  /** The position behind which something is missing. */
  readonly have: Position;
  since: number;
  seen: number;
  rewinds: number;
  asking: boolean;
}

export interface GapOptions {
  readonly sources: readonly string[];
  readonly onGap: (source: string, have: Position) => Promise<boolean> | undefined;
  readonly gapAfterMs: number;
  readonly now: () => number;
}

/** A waiting message comes again every half second, to one replica or another; a gap that nobody meets is closed. */
const forgetAfterMs = 60_000;

/** Watches what is missing, and has it published again when it stays away. */
export class Gaps {
  readonly #options: GapOptions;
  readonly #gaps = new Map<string, Gap>();
  readonly #superseded = new Map<string, number>();

  constructor(options: GapOptions) {
    this.#options = options;
  }

  /**
   * Per source: what was published at this number of rewinds or fewer was followed by one more rewind, to a position of
   * ours, so whatever of it is behind a gap comes again.
   */
  get superseded(): ReadonlyMap<string, number> {
    return this.#superseded;
  }

  open(): readonly string[] {
    const oldest = this.#options.now() - forgetAfterMs;
    return [...this.#gaps].filter(([, gap]) => gap.seen > oldest).map(([source]) => source);
  }

  watch({ missing, positions }: Plan): void {
    const now = this.#options.now();
    for (const source of this.#options.sources) {
      const have = positions.get(source) ?? startPosition;
      const known = this.#gaps.get(source);
      // Only progress closes a gap: calls that bring nothing of this source say nothing about it.
      if (known && comparePositions(have, known.have) > 0) this.#gaps.delete(source);
      const rewinds = missing.get(source);
      if (rewinds !== undefined) this.#meet(source, have, rewinds, now);
    }
  }

  #meet(source: string, have: Position, rewinds: number, now: number): void {
    const gap = this.#gaps.get(source) ?? { have, since: now, seen: now, rewinds, asking: false };
    this.#gaps.set(source, gap);
    gap.seen = now;
    gap.rewinds = Math.max(gap.rewinds, rewinds);
    if (gap.asking || now - gap.since < this.#options.gapAfterMs) return;
    gap.since = now;
    gap.asking = true;
    void this.#ask(source, gap).finally(() => {
      gap.asking = false;
    });
  }

  async #ask(source: string, { have, rewinds }: Gap): Promise<void> {
    let rewound: boolean | undefined;
    try {
      rewound = await this.#options.onGap(source, have);
    } catch {
      // Asked again after gapAfterMs: whoever wrote onGap knows what went wrong.
    }
    if (rewound) this.#superseded.set(source, Math.max(rewinds, this.#superseded.get(source) ?? 0));
  }
}
