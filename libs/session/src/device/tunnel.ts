import { type KeyObject, sign } from 'node:crypto';
import { Backoff, type ByteStream, type StreamEnd, StreamReset } from '@gatehouse/transport';
import {
  dialRelay,
  type RefusalOfRelay,
  type RelayLine,
  type RelayReach,
  RelayRefused,
  retire,
} from '../dial-relay.js';
import { type Hello, helloText } from '../hello.js';

/** What is said of the tunnel, for people and for the runtime's status. */
export type TunnelState =
  | { readonly status: 'connecting' }
  | { readonly status: 'online'; readonly relay: string; readonly carrier: string }
  | { readonly status: 'waiting'; readonly ms: number; readonly why: string };

export interface TunnelOptions {
  readonly deviceId: string;
  /** Ed25519: who the device is. */
  readonly identity: () => KeyObject;
  readonly relays: () => readonly string[];
  readonly reach: RelayReach;
  readonly agent: string;
  readonly onStream: (stream: ByteStream) => void;
  readonly onMessage: (message: unknown) => void;
  readonly onOnline: (line: RelayLine) => void;
  readonly onOffline: () => void;
  readonly onState: (state: TunnelState) => void;
  /** A relay said no for a reason that will not go away by itself. It may lie: the registry knows. */
  readonly onRefused: (code: RefusalOfRelay) => void;
}

/** How long until the next relay is tried, and why. */
interface Wait {
  readonly ms: number;
  readonly why: string;
}

/** A tunnel that stood so long was a good one: the next failure is the first. */
const goodAfterMs = 10_000;
/** After a no that is not about the moment. */
const patienceMs = 30_000;
const lasting: ReadonlySet<RefusalOfRelay> = new Set([
  'unknown_device',
  'bad_signature',
  'not_approved',
  'version',
  'removed',
]);

/**
 * Keeps one tunnel to one relay of those there are. When it is lost the next one is tried, after a wait that is drawn by chance and
 * at most a minute long: devices that lost the same relay do not come in the same moment.
 */
export class Tunnel {
  #line: RelayLine | undefined;
  #next: number | undefined;
  #closed = false;
  #wake: () => void = () => undefined;
  #leave: (why: Wait) => void = () => undefined;
  readonly #backoff = new Backoff({ mostMs: 60_000 });

  constructor(private readonly options: TunnelOptions) {}

  /** Until `close`. */
  async run(): Promise<void> {
    while (!this.#closed) {
      this.options.onState({ status: 'connecting' });
      const address = this.#pick();
      const wait = address === undefined ? { ms: patienceMs, why: 'no relay is known' } : await this.#stay(address);
      if (this.#closed) return;
      this.options.onState({ status: 'waiting', ...wait });
      await this.#pause(wait.ms);
    }
  }

  async close(end: StreamEnd): Promise<void> {
    this.#closed = true;
    this.#wake();
    await this.#line?.carrier.close(end);
    this.#leave({ ms: 0, why: end.code });
  }

  /** Tries at once: the network changed, or other relays are known. */
  hurry(): void {
    this.#wake();
  }

  #pick(): string | undefined {
    const relays = this.options.relays();
    // Somewhere in the list, so that not every device takes the first one.
    this.#next ??= Math.floor(Math.random() * relays.length);
    return relays[this.#next++ % relays.length];
  }

  /** Connects, and stays until the tunnel is lost or the relay goes. Returns how long to wait, and why. */
  async #stay(address: string): Promise<Wait> {
    try {
      return await this.#hold(address);
    } catch (error) {
      const ms = this.#backoff.next();
      if (error instanceof StreamReset) return { ms, why: error.message };
      if (!(error instanceof RelayRefused)) throw error;
      const isLasting = lasting.has(error.code);
      if (isLasting) this.options.onRefused(error.code);
      return { ms: Math.max(ms, error.retryAfterMs, isLasting ? patienceMs : 0), why: error.message };
    }
  }

  async #hold(address: string): Promise<Wait> {
    const { options } = this;
    const left = new Promise<Wait>((resolve) => {
      this.#leave = resolve;
    });
    const leave = this.#leave;
    let since = performance.now();
    const line = await dialRelay({
      ...options.reach,
      address,
      hello: (nonce, fingerprint) => this.#hello(nonce, fingerprint),
      onStream: options.onStream,
      onMessage: options.onMessage,
      // Its streams go on until it ends them; the next relay is dialled now, at some time before that.
      onGoAway: (afterMs) => leave({ ms: Math.random() * Math.min(afterMs, 5_000), why: 'the relay goes' }),
      onClose: (end) => {
        if (end.code === 'removed') options.onRefused('removed');
        if (performance.now() - since > goodAfterMs) this.#backoff.reset();
        leave({ ms: this.#backoff.next(), why: end.detail ?? end.code });
      },
    });
    since = performance.now();
    if (this.#closed) {
      await line.carrier.close({ code: 'closed' });
      return { ms: 0, why: 'closed' };
    }
    this.#line = line;
    options.onState({ status: 'online', relay: address, carrier: line.carrier.kind });
    options.onOnline(line);
    const result = await left;
    retire(line);
    this.#line = undefined;
    options.onOffline();
    return result;
  }

  #hello(nonce: string, fingerprint: string): Hello {
    const { deviceId, agent, identity } = this.options;
    const text = helloText('device', deviceId, nonce, fingerprint);
    const signature = sign(null, Buffer.from(text, 'utf8'), identity()).toString('base64url');
    return { type: 'hello', role: 'device', version: 1, agent, deviceId, signature };
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
