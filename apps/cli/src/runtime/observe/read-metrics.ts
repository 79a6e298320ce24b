import { readFile, statfs } from 'node:fs/promises';
import type { metricsSample } from '@gatehouse/session';
import type { z } from 'zod';

export type MetricsSample = z.infer<typeof metricsSample>;

/** Counters since the machine started, of which rates are made. */
export interface Counters {
  /** Of `performance.now()`. */
  readonly atMs: number;
  /** The whole, then each core. */
  readonly cpus: readonly { readonly busy: number; readonly total: number }[];
  readonly network: ReadonlyMap<string, { readonly rxBytes: number; readonly txBytes: number }>;
}

/** File systems that hold data here; one on a network could keep us waiting for ever. */
const localTypes = /^(ext[234]|xfs|btrfs|f2fs|vfat|exfat|ntfs3?|zfs|overlay|jffs2|ubifs|squashfs|bcachefs)$/;
const maxDisks = 64;

/** @param text `/proc/stat` */
export function parseCpus(text: string): Counters['cpus'] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('cpu'))
    .map((line) => {
      // user nice system idle iowait irq softirq steal; guest times are within the first two.
      const times = line.trim().split(/\s+/).slice(1, 9).map(Number);
      const total = times.reduce((sum, time) => sum + time, 0);
      return { busy: total - (times[3] ?? 0) - (times[4] ?? 0), total };
    });
}

/** @param text `/proc/net/dev` */
export function parseNetwork(text: string): Counters['network'] {
  const rows = text.split('\n').flatMap((line) => {
    const [, name = '', rest = ''] = /^\s*([^:\s]+):(.*)$/.exec(line) ?? [];
    const fields = rest.trim().split(/\s+/).map(Number);
    return name === '' || name === 'lo' ? [] : [[name, { rxBytes: fields[0] ?? 0, txBytes: fields[8] ?? 0 }] as const];
  });
  return new Map(rows);
}

/** @param text `/proc/meminfo`, in KiB whatever it says */
export function parseMemory(text: string): MetricsSample['memory'] {
  const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0) * 1_024;
  const totalBytes = bytes('MemTotal');
  return { totalBytes, usedBytes: totalBytes - bytes('MemAvailable') };
}

/** Mount points, each device once. @param text `/proc/mounts` */
export function parseMounts(text: string): readonly string[] {
  const seen = new Set<string>();
  return text
    .split('\n')
    .flatMap((line) => {
      const [device = '', mount = '', type = ''] = line.split(' ');
      if (!localTypes.test(type) || seen.has(device)) return [];
      seen.add(device);
      return [mount.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)))];
    })
    .slice(0, maxDisks);
}

export async function readCounters(): Promise<Counters> {
  const [stat, network] = await Promise.all([readFile('/proc/stat', 'utf8'), readFile('/proc/net/dev', 'utf8')]);
  return { atMs: performance.now(), cpus: parseCpus(stat), network: parseNetwork(network) };
}

/** What is now, and how fast it went since `before`. */
export async function readSample(before: Counters, now: Counters): Promise<MetricsSample> {
  const [uptime, load, memory, mounts] = await Promise.all(
    ['uptime', 'loadavg', 'meminfo', 'mounts'].map((name) => readFile(`/proc/${name}`, 'utf8')),
  );
  const [usagePercent = 0, ...perCore] = now.cpus.map((cpu, i) => usage(cpu, before.cpus[i]));
  return {
    ...{ at: Date.now(), uptimeSeconds: Number((uptime ?? '').split(' ')[0]) },
    cpu: { usagePercent, perCore, load: (load ?? '').split(' ').slice(0, 3).map(Number) },
    memory: parseMemory(memory ?? ''),
    disks: (await Promise.all(parseMounts(mounts ?? '').map(readDisk))).flatMap((disk) => disk ?? []),
    network: networkRates(before, now),
  };
}

function usage(now: Counters['cpus'][number], before = { busy: 0, total: 0 }): number {
  const total = now.total - before.total;
  return total <= 0 ? 0 : Math.min(100, Math.max(0, (100 * (now.busy - before.busy)) / total));
}

export function networkRates(before: Counters, now: Counters): MetricsSample['network'] {
  const seconds = Math.max((now.atMs - before.atMs) / 1_000, 0.001);
  // An interface that was made anew counts from nothing.
  const rate = (bytes: number, earlier = 0) => Math.max(0, bytes - earlier) / seconds;
  return [...now.network].map(([name, { rxBytes, txBytes }]) => {
    const earlier = before.network.get(name) ?? { rxBytes, txBytes };
    return { name, rxBytesPerSecond: rate(rxBytes, earlier.rxBytes), txBytesPerSecond: rate(txBytes, earlier.txBytes) };
  });
}

/** `usedBytes` as df(1) has it. */
async function readDisk(mount: string): Promise<MetricsSample['disks'][number] | undefined> {
  const stats = await statfs(mount).catch(() => undefined);
  if (stats === undefined || stats.blocks === 0) return undefined;
  return { mount, totalBytes: stats.blocks * stats.bsize, usedBytes: (stats.blocks - stats.bfree) * stats.bsize };
}
