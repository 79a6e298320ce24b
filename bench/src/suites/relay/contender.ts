import type { Child } from '../../child.js';
import { median } from '../../load.js';
import { type Row, ratioOf } from '../../report.js';
import { usageOf } from '../../usage.js';
import { ask, patienceSeconds, startDevice } from './measure.js';
import type { Way } from './ways.js';

/** Bytes one way over so many streams, or 64 there and back. */
export type Quantity = number | 'rtt';

interface Bulk {
  /** Of one that did not finish: what it would have been, had it finished that moment, with the bytes to warm up; nothing is known if no end was set to its bytes. */
  readonly mbPerSecond: number;
  /** CPU seconds of client, device and what is between. Undefined: it did not finish. */
  readonly cpuPerGb: number | undefined;
}

interface Rtt {
  readonly p50: number;
  readonly p99: number;
}

export interface Measured {
  readonly name: string;
  /** By number of streams; of each the median of what was found. */
  readonly bulk: ReadonlyMap<number, Bulk>;
  readonly rtt: Rtt | undefined;
}

export interface ContenderOptions {
  readonly name: string;
  readonly way: Way;
  /** CPU seconds so far of what carries. */
  readonly between?: () => number;
  /** For those who might take for ever: no more than this is written, over all streams. */
  readonly mostBytes?: number;
  /** Ends what carries. */
  readonly stop?: () => void | Promise<void>;
}

/** One that carries bytes between a client and a device, with the device running: it can be measured over and over. */
export class Contender {
  readonly #bulk = new Map<number, Bulk[]>();
  readonly #rtt: (Rtt | undefined)[] = [];

  private constructor(
    private readonly options: ContenderOptions,
    private readonly device: Child,
  ) {}

  static async start(options: ContenderOptions): Promise<Contender> {
    try {
      return new Contender(options, await startDevice(options.way));
    } catch (error) {
      await options.stop?.();
      throw error;
    }
  }

  async measure(quantity: Quantity, seconds: number): Promise<void> {
    if (quantity === 'rtt') this.#rtt.push(await ask(this.options.way, { what: 'rtt', seconds }));
    else this.#bulk.set(quantity, [...(this.#bulk.get(quantity) ?? []), await this.#pump(quantity, seconds)]);
  }

  async #pump(streams: number, seconds: number): Promise<Bulk> {
    const { way, mostBytes, between = () => 0 } = this.options;
    const used = () => between() + usageOf(this.device.process.pid ?? 0).cpuSeconds;
    let before = used();
    const onBegin = () => {
      before = used();
    };
    const found = await ask(way, { what: 'bulk', streams, seconds, onBegin, ...(mostBytes && { mostBytes }) });
    if (!found)
      return {
        mbPerSecond: (2 * (mostBytes ?? Number.NaN)) / (patienceSeconds + seconds) / 1e6,
        cpuPerGb: undefined,
      };
    return {
      mbPerSecond: found.bytes / found.seconds / 1e6,
      cpuPerGb: ((used() - before + found.cpuSeconds) / found.bytes) * 1e9,
    };
  }

  get measured(): Measured {
    const rtt = this.#rtt.every((each) => each !== undefined) ? this.#rtt : [];
    return {
      name: this.options.name,
      bulk: new Map([...this.#bulk].map(([streams, found]) => [streams, middle(found, 'mbPerSecond')])),
      rtt: rtt.length > 0 ? middle(rtt, 'p50') : undefined,
    };
  }

  async stop(): Promise<void> {
    await this.device.stop();
    await this.options.stop?.();
  }
}

/** The one in the middle by a figure of theirs, with its other figures. */
function middle<T extends object>(found: readonly T[], name: keyof T): T {
  const value = median(found.map((each) => Number(each[name])));
  return found.find((each) => Object.is(Number(each[name]), value)) ?? (found[0] as T);
}

/** One after the other, and all of them again: what else the machine does meets each of them. */
export async function inTurns(
  contenders: readonly Contender[],
  quantities: readonly Quantity[],
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
): Promise<void> {
  for (const quantity of quantities)
    for (let round = 0; round < rounds; round++)
      for (const contender of contenders) await contender.measure(quantity, seconds);
}

const told = ({ mbPerSecond, cpuPerGb }: Bulk): string => {
  const rate = `${mbPerSecond.toFixed(mbPerSecond < 10 ? 1 : 0)} MB/s`;
  return cpuPerGb === undefined ? `did not finish: < ${rate}` : `${rate}  ${cpuPerGb.toFixed(1)} CPU s/GB`;
};

export const rowsOf = ({ name, bulk, rtt }: Measured, limit?: Measured): Row[] => [
  ...[...bulk].map(
    ([streams, found]): Row => ({
      name: `${name}, ${streams} streams`,
      value: told(found),
      ...(limit && {
        ratio: ratioOf(found.mbPerSecond, limit.bulk.get(streams)?.mbPerSecond ?? 0),
        against: limit.name,
      }),
    }),
  ),
  {
    name: `${name}, 64 B there and back`,
    value: rtt ? `p50 ${(rtt.p50 * 1e3).toFixed(0)} us  p99 ${(rtt.p99 * 1e3).toFixed(0)} us` : 'did not finish',
  },
];
