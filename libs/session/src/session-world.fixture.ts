import { generateKeyPairSync, randomUUID } from 'node:crypto';
import type { CarrierKind } from '@gatehouse/transport';
import type { Granted, GrantRequest } from './client/granting.js';
import { type FrameStream, type ServedSession, type SessionHandlers } from './frame-stream.js';
import type { DeviceAction, GrantClaims } from './grant.js';
import { commandHash, grantKeyOf, signGrant } from './grants.js';
import { frameTypes } from './messages.js';
import { nodePrimitives } from './node-primitives.js';
import { type SessionClientOptions, sessionClient } from './open-session.js';
import { type Credentials, newCredentials, publicKeyOf, TestRelay } from './relay.fixture.js';
import { type ServeSessionsOptions, type SessionServer, serveSessions } from './serve-sessions.js';

export const actionOf: Record<string, DeviceAction> = {
  shell: 'device.shell',
  exec: 'device.exec',
  forward: 'device.forward',
};

/** Made once: a new authority for each world would take longer than most tests. */
let credentials: Promise<Credentials> | undefined;

/** A device, its registry in short, and relays: real carriers over loopback. */
export class World {
  readonly registryKey = generateKeyPairSync('ed25519');
  readonly relays: TestRelay[] = [];
  readonly #open: { close(code: string): Promise<void> }[] = [];

  private constructor(
    readonly credentials: Credentials,
    readonly carriers: readonly CarrierKind[],
  ) {}

  static async make(relays = 1, carriers: readonly CarrierKind[] = ['tls']): Promise<World> {
    credentials ??= newCredentials();
    const world = new World(await credentials, carriers);
    for (let i = 0; i < relays; i++) world.relays.push(await new TestRelay(world.credentials, carriers).start());
    return world;
  }

  get relay(): TestRelay {
    const [first] = this.relays;
    if (!first) throw new Error('no relay');
    return first;
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.map((open) => open.close('stopping')));
    await Promise.all(this.relays.map((relay) => relay.stop()));
  }

  get addresses(): string[] {
    return this.relays.map(({ address }) => address);
  }

  /** A device that is online. */
  async device(handlers: SessionHandlers, options: Partial<ServeSessionsOptions> = {}): Promise<Device> {
    const deviceId = randomUUID();
    const { privateKey } = generateKeyPairSync('ed25519');
    const sessionKey = nodePrimitives.generateKeyPair();
    for (const relay of this.relays) relay.identities.set(deviceId, publicKeyOf(privateKey));
    let server: SessionServer | undefined;
    await new Promise<void>((resolve) => {
      server = serveSessions({
        deviceId,
        agent: 'test',
        identity: privateKey,
        sessionKeys: [sessionKey],
        grantKeys: [grantKeyOf(this.registryKey.publicKey)],
        relays: this.addresses,
        trust: { ca: this.credentials.ca },
        carriers: this.carriers,
        handlers,
        onState: ({ status }) => status === 'online' && resolve(),
        ...options,
      });
      this.#open.push(server);
    });
    return {
      deviceId,
      server: server as SessionServer,
      sessionKey: Buffer.from(sessionKey.public).toString('base64url'),
    };
  }

  claims(device: Device, request: GrantRequest, over: Partial<GrantClaims> = {}): GrantClaims {
    const now = Math.floor(Date.now() / 1_000);
    return {
      jti: randomUUID(),
      sid: request.sid ?? randomUUID(),
      iss: 'gatehouse/registry',
      aud: device.deviceId,
      tenantId: 'acme',
      subject: { type: 'user', id: 'u1' },
      scope: request.scope,
      actions: [actionOf[request.scope.kind] ?? 'device.logs'],
      decisions: ['d1'],
      cnf: { x25519: request.clientKey },
      iat: now,
      exp: now + 300,
      ...over,
    };
  }

  granted(device: Device, request: GrantRequest, over: Partial<GrantClaims> = {}): Granted {
    const claims = this.claims(device, request, over);
    return {
      grant: signGrant(claims, this.registryKey),
      sessionId: claims.sid,
      expiresAt: new Date(claims.exp * 1_000).toISOString(),
      device: { id: device.deviceId, name: 'd', sessionKey: device.sessionKey },
      relays: this.addresses,
    };
  }

  client(device: Device, options: Partial<SessionClientOptions> = {}) {
    const client = sessionClient({
      requestGrant: async (request) => this.granted(device, request),
      trust: { ca: this.credentials.ca },
      carriers: this.carriers,
      ...options,
    });
    this.#open.push(client);
    return client;
  }
}

export interface Device {
  readonly deviceId: string;
  readonly sessionKey: string;
  readonly server: SessionServer;
}

export const command = ['cat'];
export const execRequest = {
  scope: { kind: 'exec', commandHash: commandHash(command) },
  open: { kind: 'exec', command, stdin: true },
} as const;

/** Sends back what comes, and counts how often it was begun. */
export function echo() {
  const begun: ServedSession<'exec'>[] = [];
  const exec = (session: ServedSession<'exec'>): void => {
    const { stream } = session;
    begun.push(session);
    stream.sendJson(frameTypes.accepted, {});
    stream.onDrain = () => stream.resume();
    stream.onFrame = (type, payload) => {
      if (type === frameTypes.data && !stream.send(frameTypes.data, payload)) stream.pause();
      if (type !== frameTypes.eof) return;
      stream.sendJson(frameTypes.exit, { code: 0, signal: null });
      stream.end();
      session.report({ kind: 'exit', code: 0, signal: null });
    };
  };
  return { begun, handlers: { exec } };
}

export interface Talk {
  readonly data: Buffer;
  readonly types: number[];
  readonly end: string;
}

/** Sends `bytes` and an end of input, and hears what comes back. */
export function talk(stream: FrameStream, bytes: Buffer): Promise<Talk> {
  const piece = 30_000;
  let at = 0;
  const go = () => {
    while (at < bytes.byteLength) {
      const chunk = bytes.subarray(at, at + piece);
      at += piece;
      if (!stream.send(frameTypes.data, chunk)) return;
    }
    stream.onDrain = () => undefined;
    stream.send(frameTypes.eof, Buffer.alloc(0));
    stream.end();
  };
  stream.onDrain = go;
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const types: number[] = [];
    const done = (end: string) => resolve({ data: Buffer.concat(chunks), types, end });
    stream.onFrame = (type, payload) => {
      if (type === frameTypes.data) chunks.push(Buffer.from(payload));
      else types.push(type);
    };
    stream.onEnd = () => done('end');
    stream.onReset = ({ code }) => done(code);
    go();
  });
}
