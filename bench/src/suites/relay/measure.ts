import { fileURLToPath } from 'node:url';
import { startChild } from '../../child.js';
import { type Row, ratioOf } from '../../report.js';
import { usageOf } from '../../usage.js';
import type { Way } from './ways.js';

export const program = (name: string) => fileURLToPath(new URL(`./${name}.js`, import.meta.url));

/** Who has not answered by then is said not to have finished. */
const patienceSeconds = 30;

export interface Found {
  readonly bytes: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly cpuSeconds: number;
}

export interface Measured {
  readonly name: string;
  /** By number of streams. */
  readonly bulk: ReadonlyMap<number, Bulk>;
  readonly rtt: { readonly p50: number; readonly p99: number } | undefined;
}

interface Bulk {
  /** Of one that did not finish: what it would have been, had it finished that moment; nothing is known if no end was set to its bytes. */
  readonly mbPerSecond: number;
  /** CPU seconds of client, device and what is between. Undefined: it did not finish. */
  readonly cpuPerGb: number | undefined;
}

export interface MeasureOptions {
  readonly seconds: number;
  /** CPU seconds so far of what carries. */
  readonly between?: () => number;
  readonly streams?: readonly number[];
  /** For those who might take for ever: no more than this is written, over all streams. */
  readonly mostBytes?: number;
}

interface Task {
  readonly what: 'bulk' | 'rtt' | 'exec';
  readonly streams?: number;
  readonly seconds: number;
  readonly mostBytes?: number;
  /** When the client has warmed up. */
  readonly onBegin?: () => void;
}

/** Undefined: it did not finish. */
export async function ask(way: Way, { onBegin, ...task }: Task): Promise<Found | undefined> {
  const patience = AbortSignal.timeout((patienceSeconds + task.seconds) * 1_000);
  try {
    const client = await startChild(
      [program('client'), JSON.stringify({ way, streams: 1, ...task })],
      (line) => {
        if (line === 'begin') onBegin?.();
        return line.startsWith('{');
      },
      { signal: patience },
    );
    return JSON.parse(client.line) as Found;
  } catch (error) {
    if (patience.aborted) return undefined;
    throw error;
  }
}

export const startDevice = (way: Way) =>
  startChild([program('device'), JSON.stringify(way)], (line) => line === 'ready');

export async function measure(
  name: string,
  way: Way,
  { seconds, between = () => 0, streams: counts = [1, 10, 100], mostBytes }: MeasureOptions,
): Promise<Measured> {
  const device = await startDevice(way);
  const used = () => between() + usageOf(device.process.pid ?? 0).cpuSeconds;
  const bulk = new Map<number, Bulk>();
  try {
    for (const streams of counts) {
      let before = used();
      const onBegin = () => {
        before = used();
      };
      const found = await ask(way, { what: 'bulk', streams, seconds, onBegin, ...(mostBytes && { mostBytes }) });
      bulk.set(streams, bulkOf(found, used() - before, (mostBytes ?? Number.NaN) / (patienceSeconds + seconds)));
    }
    return { name, bulk, rtt: await ask(way, { what: 'rtt', seconds }) };
  } finally {
    await device.stop();
  }
}

const bulkOf = (found: Found | undefined, cpu: number, bytesPerSecond: number): Bulk =>
  found
    ? {
        mbPerSecond: found.bytes / found.seconds / 1e6,
        cpuPerGb: ((cpu + found.cpuSeconds) / found.bytes) * 1e9,
      }
    : { mbPerSecond: bytesPerSecond / 1e6, cpuPerGb: undefined };

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
