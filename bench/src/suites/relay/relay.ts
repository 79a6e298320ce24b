import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Row } from '../../report.js';
import type { Stack } from '../../stack.js';
import { type Contender, inTurns, rowsOf } from './contender.js';
import { Contenders, type Kind } from './contenders.js';
import { targetRows } from './targets.js';

/** Datagrams that the internet takes, and the largest that quiche makes. */
const datagrams = [1_350, 16_383];
const widths = [1, 10, 100] as const;
/** Of what a target compares; what only explains it is measured once. */
const rounds = 3;

async function measureAll(from: Contenders, seconds: number): Promise<readonly Row[]> {
  const [ofTargets, once] = [
    { rounds, seconds },
    { rounds: 1, seconds },
  ];
  const exec = { quic: await from.exec('quic', seconds), tls: await from.exec('tls', seconds) };

  const ours = { quic: await from.ours('quic'), tls: await from.ours('tls') };
  const [node, ssh, chisel] = [await from.nodeTls(), await from.ssh(), await from.chisel()];
  const overTcp = [node, ssh, chisel].filter((each) => each !== undefined);
  await inTurns([ours.tls, ...overTcp], widths, ofTargets);
  await inTurns(overTcp, ['rtt'], once);
  await from.stop(overTcp);

  const hops = async (kind: Kind) => {
    const [direct, sealed, joined] = [await from.direct(kind), await from.sealed(kind), await from.joined(kind)];
    const all = [direct, sealed, joined, ours[kind]];
    await inTurns(all, ['rtt'], ofTargets);
    await inTurns(kind === 'quic' ? all : [direct, sealed, joined], widths, once);
    await from.stop([direct, sealed, joined]);
    return { direct, sealed, joined };
  };
  const of = { quic: await hops('quic'), tls: await hops('tls') };

  const sized: { readonly datagram: number; readonly ours: Contender; readonly raw: Contender }[] = [];
  for (const datagram of datagrams) {
    const [mine, raw] = [await from.ours('quic', datagram), await from.quiche(datagram)];
    await inTurns([mine, raw], widths, ofTargets);
    await inTurns([mine, raw], ['rtt'], once);
    await from.stop([mine, raw]);
    sized.push({ datagram, ours: mine, raw });
  }

  const classes = await from.classes();
  await inTurns([classes], [1, 100, 'rtt'], once);

  const execRow = (kind: Kind): Row => {
    const { p50, p99 } = exec[kind];
    const name = `Gatehouse over ${kind}, exec with a new session, there and back`;
    return { name, value: `p50 ${p50.toFixed(1)} ms  p99 ${p99.toFixed(1)} ms` };
  };
  const absent = (name: string): Row => ({ name, value: 'not measured: it is not on this machine' });
  const rows = (contender: Contender, limit?: Contender) => rowsOf(contender.measured, limit?.measured);
  return [
    ...rows(ours.quic, of.quic.joined),
    execRow('quic'),
    ...rows(ours.tls, chisel ?? of.tls.joined),
    execRow('tls'),
    ...sized.flatMap(({ ours: mine, raw }) => [...rows(mine, raw), ...rows(raw)]),
    ...rows(classes),
    ...(['quic', 'tls'] as const).flatMap((kind) => {
      const { direct, sealed, joined } = of[kind];
      return [...rows(joined, direct), ...rows(direct), ...rows(sealed, direct)];
    }),
    ...rows(node),
    ...(ssh ? rows(ssh) : [absent('ssh -R')]),
    ...(chisel ? rows(chisel) : [absent('chisel')]),
    ...targetRows({ ours, exec, hops: of, sized, classes, ssh, chisel }),
  ];
}

/** Bytes through our relay, sealed end to end, beside everything that could carry them instead. */
export async function relay(stack: Stack, seconds: number): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-relay-'));
  const contenders = await Contenders.of(stack, folder);
  try {
    return await measureAll(contenders, seconds);
  } finally {
    await contenders.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
