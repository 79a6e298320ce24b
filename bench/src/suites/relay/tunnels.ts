import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { waitFor } from '@gatehouse/testing';
import { startChild } from '../../child.js';
import type { Row } from '../../report.js';
import type { Stack } from '../../stack.js';
import { pidsOf, usageOf } from '../../usage.js';
import { benchDevices } from './bench-devices.js';

const count = 2_000;
const program = fileURLToPath(new URL('./idle-devices.js', import.meta.url));

/** Idle devices on one relay: what each costs, and how long all of them take to be back after the relay was killed. */
export async function tunnels(stack: Stack): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-tunnels-'));
  const ca = join(dirname(dirname(dirname(stack.natsSeed('setup')))), 'tls', 'ca.pem');
  const relay = `127.0.0.1:${Number(new URL(stack.gateway).port) - 1}`;
  const bench = await benchDevices(stack);
  const approved = await bench.approve(count);
  const devices = approved.map((device) => bench.way(device, 'tls', relay, ca));
  const file = join(folder, 'task.json');
  writeFileSync(file, JSON.stringify({ relay, ca, devices }), { mode: 0o600 });
  const isRelay = /apps\/relay\//;
  const root = stack.process.pid ?? 0;
  const before = usageOf(root, isRelay).rssMiB;
  const from = performance.now();
  const child = await startChild([program, file], (line) => line.startsWith('online'));
  const state = { online: 0, refused: 0 };
  createInterface({ input: child.process.stdout as NodeJS.ReadableStream }).on('line', (line) => {
    const [, online, refused] = /^online (\d+) refused (\d+)/.exec(line) ?? [];
    Object.assign(state, { online: Number(online), refused: Number(refused) });
  });
  const open = async () =>
    Number((await bench.database.query('select count(*) from relay.tunnels where open')).rows[0].count);
  const all = async () => state.online === count && (await open()) === count;
  const options = { timeoutMs: 300_000, intervalMs: 50, message: () => JSON.stringify(state) };
  await waitFor(all, options);
  const firstMs = performance.now() - from;
  const idle = usageOf(root, isRelay);
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  const after = usageOf(root, isRelay);
  for (const pid of pidsOf(root, isRelay)) process.kill(pid, 'SIGKILL');
  const killedAt = performance.now();
  await waitFor(() => state.online === 0, options);
  const refusedBefore = state.refused;
  await waitFor(all, options);
  const backMs = performance.now() - killedAt;
  await child.stop();
  await bench.stop();
  rmSync(folder, { recursive: true, force: true });
  return [
    { name: `${count} tunnels opened`, value: `${(firstMs / 1_000).toFixed(1)} s` },
    {
      name: 'memory each',
      value: `${(((after.rssMiB - before) * 1_024) / count).toFixed(0)} KiB (relay ${after.rssMiB.toFixed(0)} MiB, before ${before.toFixed(0)})`,
    },
    { name: 'idle', value: `${(((after.cpuSeconds - idle.cpuSeconds) / 10) * 100).toFixed(1)} % of a core` },
    {
      name: 'all back after the relay was killed and started again',
      value: `${(backMs / 1_000).toFixed(1)} s  ${state.refused - refusedBefore} tries failed or were told to wait`,
    },
  ];
}
