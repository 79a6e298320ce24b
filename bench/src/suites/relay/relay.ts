import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startChild } from '../../child.js';
import { type Row, ratioOf } from '../../report.js';
import type { Stack } from '../../stack.js';
import { usageOf } from '../../usage.js';
import { benchDevices } from './bench-devices.js';
import { startSshTunnel } from './ssh-tunnel.js';
import type { Way } from './ways.js';

const program = (name: string) => fileURLToPath(new URL(`./${name}.js`, import.meta.url));
const streamCounts = [1, 10, 100];

interface Found {
  readonly bytes: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly cpuSeconds: number;
}

interface Measured {
  readonly name: string;
  /** By number of streams: MB/s, and CPU seconds a GB of client, device and what is between. */
  readonly bulk: ReadonlyMap<number, { readonly mbPerSecond: number; readonly cpuPerGb: number }>;
  readonly rtt: { readonly p50: number; readonly p99: number };
}

async function ask(way: Way, what: string, streams: number, seconds: number): Promise<Found> {
  const task = JSON.stringify({ way, what, streams, seconds });
  const client = await startChild([program('client'), task], (line) => line.startsWith('{'));
  return JSON.parse(client.line) as Found;
}

/** @param between processes that carry, whose use of the processors counts */
async function measure(name: string, way: Way, between: () => number, seconds: number): Promise<Measured> {
  const device = await startChild([program('device'), JSON.stringify(way)], (line) => line === 'ready');
  const used = () => between() + usageOf(device.process.pid ?? 0).cpuSeconds;
  const bulk = new Map<number, { mbPerSecond: number; cpuPerGb: number }>();
  try {
    for (const streams of streamCounts) {
      const before = used();
      const found = await ask(way, 'bulk', streams, seconds);
      const cpu = used() - before + found.cpuSeconds;
      bulk.set(streams, { mbPerSecond: found.bytes / found.seconds / 1e6, cpuPerGb: (cpu / found.bytes) * 1e9 });
    }
    return { name, bulk, rtt: await ask(way, 'rtt', 1, seconds) };
  } finally {
    await device.stop();
  }
}

const rowsOf = ({ name, bulk, rtt }: Measured, limit?: Measured): Row[] => [
  ...[...bulk].map(
    ([streams, { mbPerSecond, cpuPerGb }]): Row => ({
      name: `${name}, ${streams} streams`,
      value: `${mbPerSecond.toFixed(0)} MB/s  ${cpuPerGb.toFixed(1)} CPU s/GB`,
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

/** Bytes through our relay, sealed end to end, beside relays that only carry, and beside `ssh -R`. */
export async function relay(stack: Stack, seconds: number): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-relay-'));
  const tls = join(dirname(dirname(dirname(stack.natsSeed('setup')))), 'tls');
  const ca = join(tls, 'ca.pem');
  // As `startStack` chooses it: the port before the gateway's.
  const address = `127.0.0.1:${Number(new URL(stack.gateway).port) - 1}`;
  const devices = await benchDevices(stack);
  const rows: Row[] = [];
  try {
    const bare = async (kind: 'quic' | 'tls' | 'node') => {
      const child = await startChild(
        [program('bare-relay'), kind, join(tls, 'server.pem'), join(tls, 'server.key')],
        (line) => line.startsWith('port '),
      );
      const port = Number(child.line.slice('port '.length));
      const way: Way =
        kind === 'node' ? { kind: 'tls', port, ca, sockets: 120 } : { kind: 'carrier', carrier: kind, port, ca };
      const name = kind === 'node' ? 'plain TLS relay in Node' : `bare ${kind} relay, not sealed end to end`;
      const measured = await measure(name, way, () => usageOf(child.process.pid ?? 0).cpuSeconds, seconds);
      await child.stop();
      return measured;
    };
    const ours = async (carrier: 'quic' | 'tls') => {
      const [device] = await devices.approve(1);
      if (!device) throw new Error('no device');
      const way: Way = { kind: 'session', ...devices.way(device, carrier, address, ca) };
      const cpu = () => usageOf(stack.process.pid ?? 0, /apps\/relay\//).cpuSeconds;
      const measured = await measure(`Gatehouse relay over ${carrier}`, way, cpu, seconds);
      const serving = await startChild([program('device'), JSON.stringify(way)], (line) => line === 'ready');
      const exec = await ask(way, 'exec', 1, seconds);
      await serving.stop();
      return { measured, exec };
    };
    for (const kind of ['quic', 'tls'] as const) {
      const limit = await bare(kind);
      const { measured, exec } = await ours(kind);
      rows.push(...rowsOf(limit), ...rowsOf(measured, limit));
      const value = `p50 ${exec.p50.toFixed(1)} ms  p99 ${exec.p99.toFixed(1)} ms`;
      rows.push({ name: `Gatehouse over ${kind}, exec with a new session, there and back`, value });
    }
    rows.push(...rowsOf(await bare('node')));
    const cipher = 'chacha20-poly1305@openssh.com';
    const ssh = await startSshTunnel(folder, cipher);
    if (ssh) {
      const way: Way = { kind: 'tcp', port: ssh.port, devicePort: ssh.devicePort };
      const cpu = () => ssh.pids.reduce((sum, pid) => sum + usageOf(pid).cpuSeconds, 0);
      rows.push(...rowsOf(await measure('ssh -R, chacha20', way, cpu, seconds)));
      ssh.stop();
    } else rows.push({ name: 'ssh -R', value: 'not measured: no sshd on this machine' });
  } finally {
    await devices.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  return rows;
}
