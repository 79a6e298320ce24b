import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ApprovedDevice } from '@gatehouse/service-testing';
import { waitFor } from '@gatehouse/testing';
import type { CarrierKind } from '@gatehouse/transport';
import { quantile, type Row, ratioOf } from '../../report.js';
import type { Stack } from '../../stack.js';
import { benchDevices } from './bench-devices.js';
import { causesOf } from './cut-causes.js';
import { Fleet, type Running, startSession, type Who } from './cut-sessions.js';

const targetMs = 1_000;

/** How soon sessions end, at both ends, after what they rest on is gone, and whether any other ends with them. */
export async function cuts(stack: Stack, trials: number): Promise<readonly Row[]> {
  const ca = readFileSync(join(dirname(dirname(dirname(stack.natsSeed('setup')))), 'tls', 'ca.pem'), 'utf8');
  const relay = `127.0.0.1:${Number(new URL(stack.gateway).port) - 1}`;
  const bench = await benchDevices(stack);
  const fleet = new Fleet(bench, relay, ca);
  const client = (who: Who, device: ApprovedDevice, which: number, carrier: CarrierKind) =>
    startSession({ bench, relay, ca, fleet }, who, device, which, carrier);
  const causes = causesOf(stack, bench);
  const [shared] = await bench.approve(1);
  if (!shared) throw new Error('no device');
  await fleet.serve(shared, 'quic');
  const operator: Who = {
    tenantId: bench.operator.tenantId,
    subject: { type: 'service', id: bench.operator.id },
    credential: bench.operator.keyId,
  };
  const bystander = await client(operator, shared, 0, 'quic');
  const rows: Row[] = [];
  for (const [name, prepare] of Object.entries(causes)) {
    const callers = await prepare(trials);
    const running: Running[] = [];
    for (const [i, { who, device }] of callers.entries()) {
      if (device) await fleet.serve(device, i % 2 ? 'tls' : 'quic');
      running.push(await client(who ?? operator, device ?? shared, i, i % 2 ? 'tls' : 'quic'));
    }
    const tookMs: number[] = [];
    for (const [i, { revoke }] of callers.entries()) {
      const session = running[i] as Running;
      const from = performance.now();
      await revoke();
      await waitFor(() => session.over && session.endedAtMs, {
        timeoutMs: 30_000,
        intervalMs: 5,
        message: `${name} ${i}`,
      });
      if (session.over?.code !== 'revoked') throw new Error(`${name} ${i} ended by ${session.over?.code}`);
      tookMs.push(Math.max(session.over.atMs, session.endedAtMs ?? 0) - from);
      const others = [bystander, ...running.slice(i + 1)];
      if (others.some(({ over }) => over)) throw new Error(`${name} ${i} ended another session`);
    }
    const before = bystander.bytes;
    await waitFor(() => bystander.bytes > before, { timeoutMs: 30_000, message: 'the bystander goes on' });
    const [p50, p99, worst] = [0.5, 0.99, 1].map((part) => quantile(tookMs, part));
    rows.push({
      name: `sessions end after ${name}, p50 / p99 / worst of ${trials}`,
      value: `${[p50, p99, worst].map((ms) => ms?.toFixed(0)).join(' / ')} ms`,
      ratio: ratioOf(p99 ?? 0, targetMs),
      against: `${targetMs} ms, p99; no other session ended`,
    });
  }
  await fleet.stop();
  await bench.stop();
  return rows;
}
