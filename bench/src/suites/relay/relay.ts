import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { freePort } from '@gatehouse/local-servers';
import { startChild } from '../../child.js';
import type { Row } from '../../report.js';
import type { Stack } from '../../stack.js';
import { usageOf } from '../../usage.js';
import { benchDevices } from './bench-devices.js';
import { startChiselTunnel } from './chisel-tunnel.js';
import { ask, type Measured, measure, program, rowsOf, startDevice } from './measure.js';
import { newSessionKey } from './sealed.js';
import { startSshTunnel, type TcpTunnel } from './ssh-tunnel.js';
import { targetRows } from './targets.js';
import type { Way } from './ways.js';

type Kind = 'quic' | 'tls';

/** Datagrams that the internet takes, and the largest that quiche makes. */
const datagrams = [1_350, 16_383];

interface Bare {
  readonly kind: string;
  readonly name: string;
  readonly way: (port: number) => Way;
  readonly datagram?: number;
  readonly streams?: readonly number[];
  readonly mostBytes?: number;
}

/** Everything that is measured, with what it takes to set it up. */
class Ways {
  readonly #files: { readonly certificate: string; readonly key: string; readonly ca: string };
  /** As `startStack` chooses it: the port before the gateway's. */
  readonly #relay: string;

  private constructor(
    private readonly stack: Stack,
    private readonly seconds: number,
    private readonly devices: Awaited<ReturnType<typeof benchDevices>>,
  ) {
    const tls = join(dirname(dirname(dirname(stack.natsSeed('setup')))), 'tls');
    this.#files = { certificate: join(tls, 'server.pem'), key: join(tls, 'server.key'), ca: join(tls, 'ca.pem') };
    this.#relay = `127.0.0.1:${Number(new URL(stack.gateway).port) - 1}`;
  }

  static async of(stack: Stack, seconds: number): Promise<Ways> {
    return new Ways(stack, seconds, await benchDevices(stack));
  }

  get ca(): string {
    return this.#files.ca;
  }

  stop(): Promise<void> {
    return this.devices.stop();
  }

  async bare({ kind, name, way, datagram, ...bounds }: Bare): Promise<Measured> {
    const { certificate, key } = this.#files;
    const args = [program('bare-relay'), kind, certificate, key, ...(datagram === undefined ? [] : [`${datagram}`])];
    const child = await startChild(args, (line) => line.startsWith('port '));
    const between = () => usageOf(child.process.pid ?? 0).cpuSeconds;
    try {
      return await measure(name, way(Number(child.line.slice('port '.length))), {
        seconds: this.seconds,
        between,
        ...bounds,
      });
    } finally {
      await child.stop();
    }
  }

  async direct(carrier: Kind): Promise<Measured> {
    const way: Way = { kind: 'direct', carrier, port: await freePort(), ...this.#files };
    return measure(`${carrier} without relay and seal`, way, { seconds: this.seconds });
  }

  async sealed(carrier: Kind): Promise<Measured> {
    const way: Way = { kind: 'direct', carrier, port: await freePort(), seal: newSessionKey(), ...this.#files };
    return measure(`${carrier} sealed, without relay`, way, { seconds: this.seconds });
  }

  async #session(carrier: Kind, datagram?: number): Promise<Way> {
    const [device] = await this.devices.approve(1);
    if (!device) throw new Error('no device');
    const way = this.devices.way(device, carrier, this.#relay, this.#files.ca);
    return { kind: 'session', ...way, ...(datagram !== undefined && { datagram }) };
  }

  async ours(carrier: Kind, datagram?: number): Promise<Measured> {
    const way = await this.#session(carrier, datagram);
    const between = () => usageOf(this.stack.process.pid ?? 0, /apps\/relay\//).cpuSeconds;
    const name = `Gatehouse relay over ${carrier}${datagram === undefined ? '' : `, ${datagram} B`}`;
    return measure(name, way, { seconds: this.seconds, between });
  }

  async exec(carrier: Kind) {
    const way = await this.#session(carrier);
    const serving = await startDevice(way);
    const found = await ask(way, { what: 'exec', seconds: this.seconds });
    await serving.stop();
    if (!found) throw new Error(`exec over ${carrier} did not finish`);
    return found;
  }

  async tunnel(name: string, tunnel: TcpTunnel | undefined): Promise<Measured | undefined> {
    if (!tunnel) return undefined;
    const way: Way = { kind: 'tcp', port: tunnel.port, devicePort: tunnel.devicePort };
    const between = () => tunnel.pids.reduce((sum, pid) => sum + usageOf(pid).cpuSeconds, 0);
    try {
      return await measure(name, way, { seconds: this.seconds, between });
    } finally {
      tunnel.stop();
    }
  }
}

async function measureAll(ways: Ways, folder: string): Promise<readonly Row[]> {
  const kinds = async <T>(each: (kind: Kind) => Promise<T>): Promise<Record<Kind, T>> => ({
    quic: await each('quic'),
    tls: await each('tls'),
  });
  const ours = await kinds(async (kind) => ({ measured: await ways.ours(kind), exec: await ways.exec(kind) }));
  const sized = [];
  for (const datagram of datagrams) {
    const mine = await ways.ours('quic', datagram);
    const raw = await ways.bare({
      kind: 'raw',
      name: `quiche alone through a relay, ${datagram} B`,
      way: (port) => ({ kind: 'raw', port, datagram }),
      datagram,
    });
    sized.push({ datagram, ours: mine, raw });
  }
  const classes = await ways.bare({
    kind: 'classes',
    name: 'classes of @matrixai/quic through a relay',
    way: (port) => ({ kind: 'classes', port }),
    streams: [1, 100],
    mostBytes: 8 << 20,
  });
  const carried = await kinds((carrier) =>
    ways.bare({
      kind: carrier,
      name: `our carriers joined, ${carrier}, no seal`,
      way: (port) => ({ kind: 'carrier', carrier, port, ca: ways.ca }),
    }),
  );
  const direct = await kinds((kind) => ways.direct(kind));
  const sealed = await kinds((kind) => ways.sealed(kind));
  const node = await ways.bare({
    kind: 'node',
    name: 'plain TLS relay in Node',
    way: (port) => ({ kind: 'tls', port, ca: ways.ca, sockets: 130 }),
  });
  const ssh = await ways.tunnel('ssh -R, chacha20', await startSshTunnel(folder, 'chacha20-poly1305@openssh.com'));
  const chisel = await ways.tunnel('chisel', await startChiselTunnel());
  const exec = (kind: Kind): Row => {
    const { p50, p99 } = ours[kind].exec;
    const name = `Gatehouse over ${kind}, exec with a new session, there and back`;
    return { name, value: `p50 ${p50.toFixed(1)} ms  p99 ${p99.toFixed(1)} ms` };
  };
  const absent = (name: string): Row => ({ name, value: 'not measured: it is not on this machine' });
  return [
    ...rowsOf(ours.quic.measured, carried.quic),
    exec('quic'),
    ...rowsOf(ours.tls.measured, ssh ?? carried.tls),
    exec('tls'),
    ...sized.flatMap(({ ours: mine, raw }) => [...rowsOf(mine, raw), ...rowsOf(raw)]),
    ...rowsOf(classes),
    ...rowsOf(carried.quic, direct.quic),
    ...rowsOf(carried.tls, direct.tls),
    ...rowsOf(direct.quic),
    ...rowsOf(direct.tls),
    ...rowsOf(sealed.quic),
    ...rowsOf(sealed.tls),
    ...rowsOf(node),
    ...(ssh ? rowsOf(ssh) : [absent('ssh -R')]),
    ...(chisel ? rowsOf(chisel) : [absent('chisel')]),
    ...targetRows({ ours, direct, sealed, carried, sized, classes, ssh, chisel }),
  ];
}

/** Bytes through our relay, sealed end to end, beside everything that could carry them instead. */
export async function relay(stack: Stack, seconds: number): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-relay-'));
  const ways = await Ways.of(stack, seconds);
  try {
    return await measureAll(ways, folder);
  } finally {
    await ways.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
