import { createPublicKey, type KeyObject, randomBytes, randomUUID, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createLocalAuthority } from '@gatehouse/local-servers';
import { safeParse } from '@gatehouse/schema';
import { tempDir } from '@gatehouse/testing';
import {
  type ByteStream,
  type Carrier,
  type CarrierKind,
  type Listener,
  listen,
  type StreamEnd,
} from '@gatehouse/transport';
import { type GrantClaims, grantClaims } from './grant.js';
import { hello, helloText, openSession } from './hello.js';
import { MessageStream } from './message-stream.js';

export interface Credentials {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

export async function newCredentials(): Promise<Credentials> {
  const folder = tempDir();
  try {
    const { caFile, certFile, keyFile } = await createLocalAuthority(folder.path);
    const read = (file: string) => readFileSync(file, 'utf8');
    return { ca: read(caFile), certificate: read(certFile), key: read(keyFile) };
  } finally {
    folder.remove();
  }
}

export type Way = 'up' | 'down';

/** What a relay does that it should not. */
export interface Malice {
  /** Sees what goes through, and may give back something else. Nothing: it goes nowhere. `end`: both sides are told that this was all. */
  touch?: (way: Way, chunk: Buffer, stream: number) => Uint8Array | 'end';
  /** Leads a client to this device instead. */
  swap?: (deviceId: string) => string;
}

/** The claims of a grant, as anybody can read them. */
export const claimsOf = (grant: string): GrantClaims =>
  grantClaims.parse(JSON.parse(Buffer.from(grant.split('.')[1] ?? '', 'base64url').toString('utf8')));

/** A relay with a mind of its own: it checks who devices are, and no grant at all. */
export class TestRelay {
  readonly malice: Malice = {};
  readonly tunnels = new Map<string, { carrier: Carrier; control: MessageStream }>();
  readonly clients = new Set<{ carrier: Carrier; control: MessageStream }>();
  /** Messages of devices. */
  readonly told: unknown[] = [];
  readonly opened: { grant: string; deviceId: string }[] = [];
  refuse: { code: string } | undefined;
  address = '';
  #listener: Listener | undefined;
  readonly #carriers = new Set<Carrier>();

  constructor(
    private readonly credentials: Credentials,
    private readonly carriers: readonly CarrierKind[],
    readonly identities = new Map<string, KeyObject>(),
  ) {}

  async start(): Promise<this> {
    const { certificate, key } = this.credentials;
    this.#listener = await listen({
      host: '127.0.0.1',
      port: 0,
      certificate,
      key,
      carriers: this.carriers,
      onCarrier: (carrier) => this.#greet(carrier),
    });
    this.address = `127.0.0.1:${this.#listener.port}`;
    return this;
  }

  async stop(): Promise<void> {
    const listener = this.#listener;
    this.#listener = undefined;
    await listener?.close();
    await this.cut();
  }

  /** Drops everybody; who comes back is let in. */
  async cut(end: StreamEnd = { code: 'lost' }): Promise<void> {
    await Promise.all([...this.#carriers].map((carrier) => carrier.close(end)));
  }

  /** A stream to a device, as if a client had come. */
  openTo(deviceId: string, grant: string): ByteStream | undefined {
    const stream = this.tunnels.get(deviceId)?.carrier.open();
    if (stream) new MessageStream(stream).send({ type: 'open', grant, source: '203.0.113.9' });
    return stream;
  }

  #greet(carrier: Carrier): void {
    this.#carriers.add(carrier);
    const nonce = randomBytes(32).toString('base64url');
    let isFirst = true;
    let who: { carrier: Carrier; control: MessageStream } | undefined;
    carrier.onClose = () => {
      this.#carriers.delete(carrier);
      if (!who) return;
      this.clients.delete(who);
      for (const [id, tunnel] of this.tunnels) if (tunnel === who) this.tunnels.delete(id);
    };
    carrier.onStream = (stream) => {
      if (!isFirst) return this.#serve(stream);
      isFirst = false;
      const control = new MessageStream(stream);
      control.send({ type: 'challenge', version: 1, relayId: 'r', nonce });
      control.onMessage = (message) => {
        const said = safeParse(hello, message).data;
        if (!said) return void this.told.push(message);
        who = { carrier, control };
        if (said.role === 'client') this.clients.add(who);
        else if (said.role === 'device') {
          const text = Buffer.from(helloText('device', said.deviceId, nonce, carrier.serverFingerprint));
          const key = this.identities.get(said.deviceId);
          if (!key || !verify(null, text, key, Buffer.from(said.signature, 'base64url'))) {
            return void control.send({ type: 'refused', code: 'bad_signature' });
          }
          this.tunnels.set(said.deviceId, who);
        }
        control.send({ type: 'welcome', tunnelId: randomUUID() });
      };
    };
  }

  #serve(stream: ByteStream): void {
    const messages = new MessageStream(stream);
    messages.onMessage = (message) => {
      const { grant } = openSession.parse(message);
      const deviceId = this.malice.swap?.(claimsOf(grant).aud) ?? claimsOf(grant).aud;
      const refuse = (code: string) => {
        messages.send({ type: 'refused', code });
        // What the client sent meanwhile is for the device, and no message.
        messages.release().end();
      };
      if (this.refuse) return refuse(this.refuse.code);
      const device = this.openTo(deviceId, grant);
      if (!device) return refuse('device_offline');
      messages.send({ type: 'opened' });
      this.opened.push({ grant, deviceId });
      this.#join(messages.release(), device, this.opened.length);
    };
  }

  #join(client: ByteStream, device: ByteStream, number: number): void {
    const way = (from: ByteStream, to: ByteStream, direction: Way) => {
      from.onData = (chunk) => {
        const touched = this.malice.touch?.(direction, Buffer.from(chunk), number) ?? chunk;
        if (touched === 'end') for (const side of [to, from]) side.end();
        else if (touched.byteLength > 0 && !to.write(touched)) from.pause();
      };
      from.onEnd = () => to.end();
      from.onReset = (end) => to.reset(end);
      to.onDrain = () => from.resume();
    };
    way(client, device, 'up');
    way(device, client, 'down');
  }
}

export const publicKeyOf = (privateKey: KeyObject): KeyObject => createPublicKey(privateKey);
