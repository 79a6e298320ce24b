import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const mebibyte = 1 << 20;

interface Mark {
  readonly rss: number;
  /** What JavaScript holds, and what is held for it outside of its heap. */
  readonly held: number;
}

/**
 * Memory of this process during a long run: at its start, in its middle and at its end, each after a full collection, in MiB.
 * What a run leaves behind for each case shows as growth from the middle to the end; what it needs at all is there by the middle.
 *
 * @example
 * const memory = new MemoryCourse(cases);
 * for (let i = 0; i < cases; i++) { await oneCase(); memory.reached(i); }
 * memory.expectFlat();
 */
export class MemoryCourse {
  readonly #collect: () => void;
  readonly #start: Mark;
  #middle: Mark | undefined;

  constructor(private readonly total: number) {
    setFlagsFromString('--expose-gc');
    this.#collect = runInNewContext('gc') as () => void;
    this.#start = this.#now();
  }

  /** Told often: so many cases are done. */
  reached(count: number): void {
    if (count >= this.total / 2) this.#middle ??= this.#now();
  }

  /** The end. @throws Error with the whole course when what is held grew since the middle, or the process since the start */
  expectFlat({ heldMiB = 16, rssMiB = 150 } = {}): void {
    const end = this.#now();
    const middle = this.#middle ?? this.#start;
    const course = (of: keyof Mark) => [this.#start, middle, end].map((mark) => mark[of].toFixed(0)).join(' / ');
    const text = `${this.total} cases, start / middle / end: RSS ${course('rss')} MiB, held ${course('held')} MiB`;
    if (end.held - middle.held > heldMiB || end.rss - this.#start.rss > rssMiB)
      throw new Error(`memory grows: ${text}`);
    // Everyday runs say nothing.
    if (process.env.FUZZ_CASES) process.stdout.write(`${text}\n`);
  }

  #now(): Mark {
    this.#collect();
    // What is freed by callbacks of the first one.
    this.#collect();
    const { rss, heapUsed, external } = process.memoryUsage();
    return { rss: rss / mebibyte, held: (heapUsed + external) / mebibyte };
  }
}
