import { randomBytes } from 'node:crypto';
import { safeParse } from '@gatehouse/schema';
import { hello } from '@gatehouse/session';
import type { ByteStream, Carrier, StreamEnd } from '@gatehouse/transport';
import type { Peers } from '../peer/peers.js';
import type { OpenStreams } from '../session/open-streams.js';
import type { Greeting } from '../tunnel/hello-signature.js';
import type { Tunnel } from '../tunnel/tunnel.js';
import type { DeviceHello, Refusal, Tunnels } from '../tunnel/tunnels.service.js';
import { Control } from '../wire/control.js';

export interface VisitOptions {
  readonly relayId: string;
  readonly tunnels: Tunnels;
  readonly streams: OpenStreams;
  readonly peers: Peers | undefined;
  readonly helloMs?: number;
  readonly onError: (error: Error) => void;
}

export type VisitRole = 'unknown' | 'client' | 'device' | 'relay';

/** One connection of somebody: it says what it is, shows what it must, and is then a device's tunnel, a client or a peer. */
export class Visit {
  readonly carrier: Carrier;
  readonly #options: VisitOptions;
  readonly #address: string;
  readonly #nonce = randomBytes(32).toString('base64url');
  readonly #timer: NodeJS.Timeout;
  #control: Control | undefined;
  #tunnel: Tunnel | undefined;
  #closed: StreamEnd | undefined;
  role: VisitRole = 'unknown';
  #onStream = (stream: ByteStream): void => stream.reset({ code: 'protocol', detail: 'not yet' });

  /** To be made in the turn in which the carrier was got. */
  constructor(carrier: Carrier, address: string, options: VisitOptions) {
    this.carrier = carrier;
    this.#address = address;
    this.#options = options;
    this.#timer = setTimeout(() => this.#end({ code: 'timeout', detail: 'no hello' }), options.helloMs ?? 10_000);
    carrier.onWorn = () => this.goAway(0);
    carrier.onStream = (stream) => (this.#control ? this.#onStream(stream) : this.#greet(stream));
  }

  /** To be called when the carrier is closed. */
  closed(end: StreamEnd): void {
    clearTimeout(this.#timer);
    this.#closed = end;
    if (this.#tunnel) this.#options.tunnels.gone(this.#tunnel, end);
    // Its streams end in a turn of their own.
    if (this.role === 'client' && end.code === 'done') setImmediate(() => this.#options.streams.left(this));
  }

  /** Tells it to go elsewhere, or to come again: this relay will stop, or the connection is worn out. */
  goAway(afterMs: number): void {
    this.#control?.send({ type: 'go_away', afterMs });
  }

  #greet(stream: ByteStream): void {
    const control = new Control(stream);
    this.#control = control;
    control.onGone = (end) => this.#end(end);
    control.onMessage = (message) => this.#hear(control, message);
    control.send({ type: 'challenge', version: 1, relayId: this.#options.relayId, nonce: this.#nonce });
  }

  #hear(control: Control, message: unknown): void {
    const said = safeParse(hello, message);
    if (!said.success) {
      this.#refuse(control, { code: 'version' });
      return;
    }
    clearTimeout(this.#timer);
    control.onMessage = () => this.#end({ code: 'protocol' });
    const { streams, peers } = this.#options;
    if (said.data.role === 'client') {
      const client = this.#address;
      this.#enter('client', (stream) => streams.take(stream, { client, line: this }));
      control.onMessage = () => undefined;
      control.send({ type: 'welcome' });
    } else if (said.data.role === 'device') void this.#letDeviceIn(control, said.data).catch(this.#options.onError);
    else if (peers?.isPeer(said.data, this.#greeting())) {
      const peer = said.data.relayId;
      this.#enter('relay', (stream) => streams.take(stream, { peer }));
      control.send({ type: 'welcome' });
    } else this.#refuse(control, { code: 'bad_signature' });
  }

  async #letDeviceIn(control: Control, said: DeviceHello): Promise<void> {
    const { tunnels } = this.#options;
    const tunnel = await tunnels.accept(this.carrier, control, said, this.#greeting());
    if ('code' in tunnel) return this.#refuse(control, tunnel);
    this.#tunnel = tunnel;
    if (this.#closed) return tunnels.gone(tunnel, this.#closed);
    // A device is asked and asks nothing: what it opens is nobody's.
    this.#enter('device', (stream) => stream.reset({ code: 'protocol' }));
    control.onMessage = (message) => tunnels.heard(tunnel, message);
    control.send({ type: 'welcome', tunnelId: tunnel.tunnelId });
  }

  #enter(role: VisitRole, onStream: (stream: ByteStream) => void): void {
    this.role = role;
    this.#onStream = onStream;
  }

  #greeting(): Greeting {
    return { nonce: this.#nonce, serverFingerprint: this.carrier.serverFingerprint };
  }

  #refuse(control: Control, refusal: Refusal | { readonly code: 'version' }): void {
    control.send({ type: 'refused', ...refusal });
    this.#end({ code: 'refused', detail: refusal.code });
  }

  #end(end: StreamEnd): void {
    clearTimeout(this.#timer);
    if (!this.#closed) void this.carrier.close(end);
  }
}
