import { median } from '../load.js';

/** How long one call takes, by batches: of a microsecond, a clock read would be the half. */
export interface Timing {
  /** Medians and percentiles over batches, in microseconds a call. */
  readonly p50: number;
  readonly p99: number;
}

export interface Timed {
  readonly name: string;
  /** Makes call number `i`. */
  readonly call: (i: number) => unknown;
  /** Calls of one batch, and batches of one round. */
  readonly batch: number;
  readonly batches: number;
}

const percentile = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;

/** In turns, so that whatever else this machine does meets all of them. The first round warms up and does not count. */
export function timeInTurns(timed: readonly Timed[], rounds: number): ReadonlyMap<string, Timing> {
  const p50s = new Map(timed.map(({ name }) => [name, [] as number[]]));
  const batches = new Map(timed.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round <= rounds; round++) {
    for (const each of timed) {
      const found = timeOnce(each, round);
      if (round === 0) continue;
      p50s.get(each.name)?.push(median(found));
      batches.get(each.name)?.push(...found);
    }
  }
  return new Map(
    timed.map(({ name }) => {
      const all = [...(batches.get(name) ?? [])].sort((a, b) => a - b);
      return [name, { p50: median(p50s.get(name) ?? []), p99: percentile(all, 0.99) }];
    }),
  );
}

function timeOnce({ call, batch, batches }: Timed, round: number): number[] {
  const micros: number[] = [];
  for (let i = 0; i < batches; i++) {
    const from = (round * batches + i) * batch;
    const began = process.hrtime.bigint();
    for (let j = 0; j < batch; j++) call(from + j);
    micros.push(Number(process.hrtime.bigint() - began) / 1_000 / batch);
  }
  return micros;
}

/** Bytes that are held after `make`, with what it made kept alive. Exact only with `--expose-gc`. */
export async function heldBytes<T>(make: () => T | Promise<T>): Promise<{ readonly made: T; readonly bytes: number }> {
  const collect = globalThis.gc ?? (() => undefined);
  collect();
  const before = process.memoryUsage();
  const made = await make();
  collect();
  const after = process.memoryUsage();
  return { made, bytes: after.heapUsed + after.external - before.heapUsed - before.external };
}
