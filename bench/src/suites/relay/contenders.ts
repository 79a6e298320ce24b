import { dirname, join } from 'node:path';
import { freePort } from '@gatehouse/local-servers';
import { startChild } from '../../child.js';
import type { Stack } from '../../stack.js';
import { usageOf } from '../../usage.js';
import { benchDevices } from './bench-devices.js';
import { startChiselTunnel } from './chisel-tunnel.js';
import { Contender, type ContenderOptions } from './contender.js';
import { ask, type Found, program, startDevice } from './measure.js';
import { newSessionKey } from './sealed.js';
import { startSshTunnel, type TcpTunnel } from './ssh-tunnel.js';
import type { Way } from './ways.js';

export type Kind = 'quic' | 'tls';

interface Bare {
  readonly kind: string;
  readonly name: string;
  readonly way: (port: number) => Way;
  readonly datagram?: number;
  readonly mostBytes?: number;
}

/** Everything that is measured, with what it takes to set it up. */
export class Contenders {
  readonly #files: { readonly certificate: string; readonly key: string; readonly ca: string };
  /** As `startStack` chooses it: the port before the gateway's. */
  readonly #relay: string;
  readonly #running = new Set<Contender>();

  private constructor(
    private readonly stack: Stack,
    /** For what `ssh` needs. */
    private readonly folder: string,
    private readonly devices: Awaited<ReturnType<typeof benchDevices>>,
  ) {
    const tls = join(dirname(dirname(dirname(stack.natsSeed('setup')))), 'tls');
    this.#files = { certificate: join(tls, 'server.pem'), key: join(tls, 'server.key'), ca: join(tls, 'ca.pem') };
    this.#relay = `127.0.0.1:${Number(new URL(stack.gateway).port) - 1}`;
  }

  static async of(stack: Stack, folder: string): Promise<Contenders> {
    return new Contenders(stack, folder, await benchDevices(stack));
  }

  /** Our relay, over a carrier; QUIC with datagrams of this size. */
  async ours(carrier: Kind, datagram?: number): Promise<Contender> {
    return this.#start({
      name: `Gatehouse relay over ${carrier}${datagram === undefined ? '' : `, ${datagram} B`}`,
      way: await this.#session(carrier, datagram),
      between: () => usageOf(this.stack.process.pid ?? 0, /apps\/relay\//).cpuSeconds,
    });
  }

  /** Commands with a session each, one after the other. */
  async exec(carrier: Kind, seconds: number): Promise<Found> {
    const way = await this.#session(carrier);
    const serving = await startDevice(way);
    const found = await ask(way, { what: 'exec', seconds });
    await serving.stop();
    if (!found) throw new Error(`exec over ${carrier} did not finish`);
    return found;
  }

  /** A carrier without anything in between. */
  async direct(carrier: Kind): Promise<Contender> {
    const way: Way = { kind: 'direct', carrier, port: await freePort(), ...this.#files };
    return this.#start({ name: `${carrier} without relay and seal`, way });
  }

  /** The same, sealed end to end as a session is. */
  async sealed(carrier: Kind): Promise<Contender> {
    const way: Way = { kind: 'direct', carrier, port: await freePort(), seal: newSessionKey(), ...this.#files };
    return this.#start({ name: `${carrier} sealed, without relay`, way });
  }

  /** Our carriers, joined by what does nothing else. */
  joined(carrier: Kind): Promise<Contender> {
    const way = (port: number): Way => ({ kind: 'carrier', carrier, port, ca: this.#files.ca });
    return this.#bare({ kind: carrier, name: `our carriers joined, ${carrier}, no seal`, way });
  }

  /** quiche in a lean loop of its own. */
  quiche(datagram: number): Promise<Contender> {
    const way = (port: number): Way => ({ kind: 'raw', port, datagram });
    return this.#bare({ kind: 'raw', name: `quiche alone through a relay, ${datagram} B`, way, datagram });
  }

  classes(): Promise<Contender> {
    const way = (port: number): Way => ({ kind: 'classes', port });
    return this.#bare({
      ...{ kind: 'classes', name: 'classes of @matrixai/quic through a relay' },
      ...{ way, mostBytes: 8 << 20 },
    });
  }

  nodeTls(): Promise<Contender> {
    const way = (port: number): Way => ({ kind: 'tls', port, ca: this.#files.ca, sockets: 230 });
    return this.#bare({ kind: 'node', name: 'plain TLS relay in Node', way });
  }

  /** Undefined: it is not on this machine. */
  async ssh(): Promise<Contender | undefined> {
    const cipher = 'chacha20-poly1305@openssh.com';
    return this.#tunnel('ssh -R, chacha20', await startSshTunnel(this.folder, cipher));
  }

  /** Undefined: it is not on this machine. */
  async chisel(): Promise<Contender | undefined> {
    return this.#tunnel('chisel', await startChiselTunnel());
  }

  /** Ends these, or all that run. */
  async stop(contenders: Iterable<Contender> = this.#running): Promise<void> {
    for (const contender of [...contenders]) {
      this.#running.delete(contender);
      await contender.stop();
    }
  }

  async close(): Promise<void> {
    await this.stop();
    await this.devices.stop();
  }

  async #start(options: ContenderOptions): Promise<Contender> {
    const contender = await Contender.start(options);
    this.#running.add(contender);
    return contender;
  }

  async #session(carrier: Kind, datagram?: number): Promise<Way> {
    const [device] = await this.devices.approve(1);
    if (!device) throw new Error('no device');
    const way = this.devices.way(device, carrier, this.#relay, this.#files.ca);
    return { kind: 'session', ...way, ...(datagram !== undefined && { datagram }) };
  }

  async #bare({ kind, name, way, datagram, ...bounds }: Bare): Promise<Contender> {
    const { certificate, key } = this.#files;
    const args = [program('bare-relay'), kind, certificate, key, ...(datagram === undefined ? [] : [`${datagram}`])];
    const child = await startChild(args, (line) => line.startsWith('port '));
    return this.#start({
      name,
      way: way(Number(child.line.slice('port '.length))),
      between: () => usageOf(child.process.pid ?? 0).cpuSeconds,
      stop: child.stop,
      ...bounds,
    });
  }

  async #tunnel(name: string, tunnel: TcpTunnel | undefined): Promise<Contender | undefined> {
    if (!tunnel) return undefined;
    const between = () => tunnel.pids.reduce((sum, pid) => sum + usageOf(pid).cpuSeconds, 0);
    const way: Way = { kind: 'tcp', port: tunnel.port, devicePort: tunnel.devicePort };
    return this.#start({ name, way, between, stop: tunnel.stop });
  }
}
