import { randomUUID } from 'node:crypto';
import type { Hello } from '@gatehouse/session';
import type { Carrier, StreamEnd } from '@gatehouse/transport';
import type { KnownDevice } from '../device/known-device.js';
import type { TableMirror } from '../mirror/table-mirror.js';
import type { Control } from '../wire/control.js';
import type { Insistence } from '../wire/insistence.js';
import { type Greeting, isSigned } from './hello-signature.js';
import type { Pace } from './pace.js';
import type { Tunnel } from './tunnel.js';
import type { TunnelLog } from './tunnel-log.js';
import type { TunnelEndReason, TunnelRow } from './tunnel-row.js';

export interface TunnelsOptions {
  readonly relayId: string;
  /** Where peers reach this relay. */
  readonly peerAddress: string;
  readonly devices: TableMirror<KnownDevice>;
  /** Where devices are, of all relays. */
  readonly directory: TableMirror<TunnelRow>;
  readonly log: TunnelLog;
  readonly pace: Pace;
  readonly insistence: Insistence;
  /** How long a device is waited for whose approval is not known here yet. */
  readonly waitForDeviceMs?: number;
}

export type DeviceHello = Extract<Hello, { role: 'device' }>;
export type Refusal = {
  readonly code: 'unknown_device' | 'bad_signature' | 'unavailable' | 'replaced' | 'removed';
  readonly retryAfterMs?: number;
};

/** Hears what devices say on their control streams. */
type Listener = (tunnel: Tunnel, message: unknown) => void;

const unavailable: Refusal = { code: 'unavailable', retryAfterMs: 2_000 };

/**
 * The devices that are connected to this relay. Of two tunnels of one device the one that stands later in the log counts,
 * here and at every other relay; the other one is closed, and its end changes nothing.
 */
export class Tunnels {
  readonly #options: TunnelsOptions;
  readonly #own = new Map<string, Tunnel>();
  readonly #listeners: Listener[] = [];
  /** Nobody is let in before what an earlier process of this relay's name left behind is ended. */
  ready = false;
  /** This relay stops: that is why its tunnels end. */
  stopping = false;
  readonly counts = { opened: 0, refused: 0, replaced: 0, lost: 0 };

  constructor(options: TunnelsOptions) {
    this.#options = options;
    options.directory.listen((deviceId, row) => this.#follow(deviceId, row));
    options.devices.listen((deviceId, device) => {
      if (!device || device.removed) this.end(deviceId, 'removed');
    });
  }

  get size(): number {
    return this.#own.size;
  }

  get(deviceId: string): Tunnel | undefined {
    return this.#own.get(deviceId);
  }

  values(): Iterable<Tunnel> {
    return this.#own.values();
  }

  listen(listener: Listener): void {
    this.#listeners.push(listener);
  }

  /** Lets a device in, or says why not. Its earlier tunnel, here or elsewhere, ends by the event that this one writes. */
  async accept(carrier: Carrier, control: Control, hello: DeviceHello, greeting: Greeting): Promise<Tunnel | Refusal> {
    if (!this.ready) return this.#refuse(unavailable);
    const retryAfterMs = this.#options.pace.admit(performance.now(), Math.random());
    if (retryAfterMs !== undefined) return this.#refuse({ code: 'unavailable', retryAfterMs });
    const device = await this.#known(hello.deviceId);
    if (device === 'not_loaded') return this.#refuse(unavailable);
    if (!device) return this.#refuse({ code: 'unknown_device', retryAfterMs: 5_000 });
    if (!isSigned('device', device.deviceId, hello.signature, greeting, device.identityKey))
      return this.#refuse({ code: 'bad_signature' });
    // Said to the holder of the key alone.
    if (device.removed) return this.#refuse({ code: 'removed' });
    return this.#open(carrier, control, device);
  }

  /** Ends the tunnel of a device, if it has one here, and tells it why. */
  end(deviceId: string, reason: TunnelEndReason): void {
    const tunnel = this.#own.get(deviceId);
    if (tunnel) this.#close(tunnel, reason);
  }

  /** To be called when the carrier of a tunnel is closed, once. */
  gone(tunnel: Tunnel, { code }: StreamEnd): void {
    this.#remove(tunnel, tunnel.ended ?? (this.stopping ? 'relay_stopped' : reasonOf(code)));
  }

  async #open(carrier: Carrier, control: Control, device: KnownDevice): Promise<Tunnel | Refusal> {
    const { tenantId, deviceId } = device;
    const { log, relayId, peerAddress: relayAddress } = this.#options;
    const tunnelId = randomUUID();
    let revision: number;
    try {
      revision = await log.opened(tenantId, { deviceId, tunnelId, relayId, relayAddress, carrier: carrier.kind });
    } catch {
      // Whether it was stored or not: a tunnel that is nowhere is closed, and the device tries again.
      this.#insistOnEnd(tenantId, deviceId, tunnelId, 'lost');
      return this.#refuse(unavailable);
    }
    const tunnel: Tunnel = { tenantId, deviceId, tunnelId, carrier, control, revision, since: new Date() };
    const before = this.#own.get(deviceId);
    const now = this.#options.devices.get(deviceId);
    if (before && before.revision > revision) return this.#late(tunnel, { code: 'replaced' }, 'replaced');
    if (!now || now.removed) return this.#late(tunnel, { code: 'removed' }, 'removed');
    this.#own.set(deviceId, tunnel);
    this.counts.opened++;
    if (before) this.#close(before, 'replaced');
    return tunnel;
  }

  #late(tunnel: Tunnel, refusal: Refusal, reason: TunnelEndReason): Refusal {
    this.#insistOnEnd(tunnel.tenantId, tunnel.deviceId, tunnel.tunnelId, reason);
    return this.#refuse(refusal);
  }

  #refuse(refusal: Refusal): Refusal {
    this.counts.refused++;
    return refusal;
  }

  /** A device that was approved a moment ago dials at once: its approval may be on its way here. */
  async #known(deviceId: string): Promise<KnownDevice | undefined | 'not_loaded'> {
    const { devices, waitForDeviceMs = 2_000 } = this.#options;
    const found = devices.get(deviceId);
    if (found) return found;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        end();
        resolve();
      };
      const timer = setTimeout(done, waitForDeviceMs);
      const end = devices.listen((id, row) => id === deviceId && row && done());
    });
    return devices.loaded ? devices.get(deviceId) : 'not_loaded';
  }

  /** What the log says of a device that is connected here: another tunnel is the later one, or somebody ended ours. */
  #follow(deviceId: string, row: TunnelRow | undefined): void {
    const tunnel = this.#own.get(deviceId);
    if (!tunnel || !row || row.revision <= tunnel.revision) return;
    if (row.tunnelId !== tunnel.tunnelId) this.#close(tunnel, 'replaced');
    else if (!row.open) this.#close(tunnel, 'relay_stopped');
  }

  #close(tunnel: Tunnel, reason: TunnelEndReason): void {
    if (tunnel.ended) return;
    tunnel.ended = reason;
    if (reason === 'replaced') this.counts.replaced++;
    const told = reason === 'replaced' || reason === 'removed' ? reason : undefined;
    if (told) tunnel.control.send({ type: 'refused', code: told });
    this.#remove(tunnel, reason);
    void tunnel.carrier.close({ code: told ?? 'unavailable' });
  }

  #remove(tunnel: Tunnel, reason: TunnelEndReason): void {
    if (tunnel.gone) return;
    tunnel.gone = true;
    // Only if it is this one that stands there: the late end of an older tunnel removes nothing.
    if (this.#own.get(tunnel.deviceId) === tunnel) this.#own.delete(tunnel.deviceId);
    if (reason === 'lost') this.counts.lost++;
    this.#insistOnEnd(tunnel.tenantId, tunnel.deviceId, tunnel.tunnelId, reason);
  }

  #insistOnEnd(tenantId: string, deviceId: string, tunnelId: string, reason: TunnelEndReason): void {
    this.#options.insistence.add(() => this.#options.log.closed(tenantId, deviceId, tunnelId, reason));
  }

  /** A message on a device's control stream. */
  heard(tunnel: Tunnel, message: unknown): void {
    for (const listener of this.#listeners) listener(tunnel, message);
  }
}

/** Words of a carrier's end that a device says itself; anything else is a loss. */
const reasonOf = (code: string): TunnelEndReason =>
  code === 'closed' || code === 'limit' || code === 'protocol' ? code : 'lost';
