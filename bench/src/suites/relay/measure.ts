import { fileURLToPath } from 'node:url';
import { startChild } from '../../child.js';
import { type Row, ratioOf } from '../../report.js';
import { usageOf } from '../../usage.js';
import type { Way } from './ways.js';

export const program = (name: string) => fileURLToPath(new URL(`./${name}.js`, import.meta.url));

export interface Found {
  readonly bytes: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly cpuSeconds: number;
}

export interface Measured {
  readonly name: string;
  /** By number of streams: MB/s, and CPU seconds a GB of client, device and what is between. */
  readonly bulk: ReadonlyMap<number, { readonly mbPerSecond: number; readonly cpuPerGb: number }>;
  readonly rtt: { readonly p50: number; readonly p99: number };
}

export interface MeasureOptions {
  readonly seconds: number;
  /** CPU seconds so far of what carries. */
  readonly between?: () => number;
  readonly streams?: readonly number[];
}

/** @param onBegin when the client has warmed up */
export async function ask(
  way: Way,
  what: string,
  streams: number,
  seconds: number,
  onBegin: () => void = () => undefined,
): Promise<Found> {
  const task = JSON.stringify({ way, what, streams, seconds });
  const client = await startChild([program('client'), task], (line) => {
    if (line === 'begin') onBegin();
    return line.startsWith('{');
  });
  return JSON.parse(client.line) as Found;
}

export const startDevice = (way: Way) =>
  startChild([program('device'), JSON.stringify(way)], (line) => line === 'ready');

export async function measure(
  name: string,
  way: Way,
  { seconds, between = () => 0, streams: counts = [1, 10, 100] }: MeasureOptions,
): Promise<Measured> {
  const device = await startDevice(way);
  const used = () => between() + usageOf(device.process.pid ?? 0).cpuSeconds;
  const bulk = new Map<number, { mbPerSecond: number; cpuPerGb: number }>();
  try {
    for (const streams of counts) {
      let before = used();
      const found = await ask(way, 'bulk', streams, seconds, () => {
        before = used();
      });
      const cpu = used() - before + found.cpuSeconds;
      bulk.set(streams, { mbPerSecond: found.bytes / found.seconds / 1e6, cpuPerGb: (cpu / found.bytes) * 1e9 });
    }
    return { name, bulk, rtt: await ask(way, 'rtt', 1, seconds) };
  } finally {
    await device.stop();
  }
}

export const rowsOf = ({ name, bulk, rtt }: Measured, limit?: Measured): Row[] => [
  ...[...bulk].map(
    ([streams, { mbPerSecond, cpuPerGb }]): Row => ({
      name: `${name}, ${streams} streams`,
      value: `${mbPerSecond.toFixed(mbPerSecond < 10 ? 1 : 0)} MB/s  ${cpuPerGb.toFixed(1)} CPU s/GB`,
      ...(limit && {
        ratio: ratioOf(mbPerSecond, limit.bulk.get(streams)?.mbPerSecond ?? 0),
        against: limit.name,
      }),
    }),
  ),
  {
    name: `${name}, 64 B there and back`,
    value: `p50 ${(rtt.p50 * 1e3).toFixed(0)} us  p99 ${(rtt.p99 * 1e3).toFixed(0)} us`,
  },
];
