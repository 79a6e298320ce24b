import { createPublicKey, generateKeyPairSync, randomBytes, randomUUID, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createLocalAuthority } from '@gatehouse/local-servers';
import { safeParse } from '@gatehouse/schema';
import {
  type DeviceAction,
  type GrantRequest,
  grantClaims,
  grantKeyOf,
  hello,
  helloText,
  MessageStream,
  nodePrimitives,
  openSession,
  type SessionServer,
  serveSessions,
  signGrant,
} from '@gatehouse/session';
import { tempDir, waitFor } from '@gatehouse/testing';
import { type Carrier, type Listener, listen, pipe } from '@gatehouse/transport';
import { serveFiles } from '../runtime/files/serve-files.js';
import { serveForward } from '../runtime/forward/serve-forward.js';
import { testHost } from '../runtime/host.fixture.js';
import { serveExec } from '../runtime/serve/exec.js';
import { caller } from '../world.fixture.js';
import type { World } from '../world.js';
import { type Asked, HttpAnswers } from './registry.fixture.js';

const actionsOf: Record<string, DeviceAction[]> = {
  exec: ['device.exec'],
  files: ['device.files.read', 'device.files.write'],
  forward: ['device.forward'],
};
/** What the person may; taken away in a test. */
interface Device {
  readonly id: string;
  readonly identity: ReturnType<typeof generateKeyPairSync>;
  readonly sessionKey: ReturnType<typeof nodePrimitives.generateKeyPair>;
  readonly host: ReturnType<typeof testHost>;
  server?: SessionServer;
}

/** Devices as the runtime serves them, one relay that joins streams, and a registry that signs what is asked: real carriers, real channels. */
export class RealDevices {
  readonly registry = new HttpAnswers();
  readonly folder = tempDir('cli-real');
  readonly devices = new Map<string, Device>();
  readonly grants: GrantRequest[] = [];
  readonly #grantKey = generateKeyPairSync('ed25519');
  readonly #tunnels = new Map<string, Carrier>();
  readonly #carriers = new Set<Carrier>();
  #listener: Listener | undefined;
  #caFile = '';

  async start(names: readonly string[]): Promise<void> {
    const { caFile, certFile, keyFile } = await createLocalAuthority(this.folder.path);
    this.#caFile = caFile;
    const [certificate, key] = [certFile, keyFile].map((file) => readFileSync(file, 'utf8')) as [string, string];
    const onCarrier = (carrier: Carrier) => this.#greet(carrier);
    this.#listener = await listen({ host: '127.0.0.1', port: 0, certificate, key, carriers: ['tls'], onCarrier });
    await this.registry.start();
    for (const name of names) await this.#join(name);
  }

  home(name: string): string {
    return `${this.devices.get(name)?.host.root.path}/home`;
  }

  call(argv: readonly string[], given: Partial<World> = {}) {
    const settings = ['--url', this.registry.url, '--ca', this.#caFile];
    return caller(this.folder.path)([...settings, ...argv], { GATEHOUSE_API_KEY: 'mau_x' }, given);
  }

  /** Everybody is cut off, and comes back. */
  async cut(): Promise<void> {
    await Promise.all([...this.#carriers].map((carrier) => carrier.close({ code: 'lost' })));
  }

  /** The relay has no tunnel of it any more. */
  forget(name: string): void {
    this.#tunnels.delete(this.devices.get(name)?.id ?? '');
  }

  /** Who was forgotten dials again, as all do. */
  async back(): Promise<void> {
    await this.cut();
    const isThere = ({ id }: Device) => this.#carriers.has(this.#tunnels.get(id) as Carrier);
    await waitFor(() => [...this.devices.values()].every(isThere), { message: 'all devices are there again' });
  }

  async stop(): Promise<void> {
    for (const { server, host } of this.devices.values()) {
      await server?.close('stopping');
      host.end();
    }
    await this.#listener?.close();
    await this.cut();
    this.registry.stop();
    this.folder.remove();
  }

  get #relays(): string[] {
    return [`localhost:${this.#listener?.port}`];
  }

  async #join(name: string): Promise<void> {
    const device: Device = {
      ...{ id: randomUUID(), identity: generateKeyPairSync('ed25519') },
      ...{ sessionKey: nodePrimitives.generateKeyPair(), host: testHost() },
    };
    this.devices.set(name, device);
    this.registry.answers[`POST /api/v1/devices/${name}/sessions`] = ({ body }: Asked) =>
      this.#grant(device, body as GrantRequest);
    const { host } = device.host;
    await new Promise<void>((online) => {
      device.server = serveSessions({
        ...{
          deviceId: device.id,
          agent: 'test',
          identity: device.identity.privateKey,
          sessionKeys: [device.sessionKey],
        },
        ...{ grantKeys: [grantKeyOf(this.#grantKey.publicKey)], relays: this.#relays, carriers: ['tls'] },
        trust: { ca: readFileSync(this.#caFile, 'utf8') },
        handlers: { exec: serveExec(host), files: serveFiles(host), forward: serveForward },
        onState: ({ status }) => status === 'online' && online(),
      });
    });
  }

  #grant(device: Device, request: GrantRequest) {
    this.grants.push(request);
    const { scope, clientKey, sid = randomUUID() } = request;
    const iat = Math.floor(Date.now() / 1_000);
    const claims = grantClaims.parse({
      ...{
        jti: randomUUID(),
        sid,
        iss: 'gatehouse/registry',
        aud: device.id,
        tenantId: 'acme',
        scope,
        decisions: ['d1'],
      },
      ...{
        subject: { type: 'user', id: 'ann' },
        actions: actionsOf[scope.kind],
        cnf: { x25519: clientKey },
        iat,
        exp: iat + 300,
      },
    });
    const sessionKey = Buffer.from(device.sessionKey.public).toString('base64url');
    return {
      ...{
        grant: signGrant(claims, this.#grantKey),
        sessionId: sid,
        expiresAt: new Date((iat + 300) * 1_000).toISOString(),
      },
      ...{ device: { id: device.id, name: 'd', sessionKey }, relays: this.#relays },
    };
  }

  #greet(carrier: Carrier): void {
    const nonce = randomBytes(32).toString('base64url');
    let control: MessageStream | undefined;
    this.#carriers.add(carrier);
    carrier.onClose = () => this.#carriers.delete(carrier);
    carrier.onStream = (stream) => {
      if (control) return this.#splice(new MessageStream(stream));
      const made = new MessageStream(stream);
      control = made;
      made.send({ type: 'challenge', version: 1, relayId: 'r', nonce });
      made.onMessage = (message) => {
        const said = safeParse(hello, message).data;
        if (said?.role === 'device' && this.#isHeld(said, nonce, carrier)) this.#tunnels.set(said.deviceId, carrier);
        if (said) made.send({ type: 'welcome', tunnelId: randomUUID() });
      };
    };
  }

  #isHeld({ deviceId, signature }: { deviceId: string; signature: string }, nonce: string, carrier: Carrier): boolean {
    const device = [...this.devices.values()].find(({ id }) => id === deviceId);
    const text = Buffer.from(helloText('device', deviceId, nonce, carrier.serverFingerprint));
    return (
      device !== undefined &&
      verify(null, text, createPublicKey(device.identity.privateKey), Buffer.from(signature, 'base64url'))
    );
  }

  #splice(client: MessageStream): void {
    client.onMessage = (message) => {
      const { grant } = openSession.parse(message);
      const { aud } = JSON.parse(Buffer.from(grant.split('.')[1] ?? '', 'base64url').toString()) as { aud: string };
      const tunnel = this.#tunnels.get(aud);
      const isThere = tunnel !== undefined && this.#carriers.has(tunnel);
      if (!isThere) return void client.send({ type: 'refused', code: 'device_offline' });
      const device = tunnel.open();
      new MessageStream(device).send({ type: 'open', grant });
      client.send({ type: 'opened' });
      pipe(client.release(), device);
    };
  }
}
