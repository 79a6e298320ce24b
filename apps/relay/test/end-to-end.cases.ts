import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ApprovedDevice } from '@gatehouse/service-testing';
import {
  commandHash,
  type DeviceAction,
  type FrameStream,
  frameTypes,
  grantKeyOf,
  type ServedSession,
  type SessionHandlers,
  type SessionServer,
  serveSessions,
  sessionClient,
} from '@gatehouse/session';
import { type SupervisedChild, waitFor } from '@gatehouse/testing';
import type { StreamEnd } from '@gatehouse/transport';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { killUnnoticed, type RelayStack, runRelay, type SharedRelays, type Somebody } from './relay-stack.fixture.js';

export function endToEndCases(shared: () => SharedRelays): void {
  const command = ['cat'];
  const patient = { timeoutMs: 60_000 };
  /** Of the copy in the middle of which a relay is killed, there and back; a gigabyte when it is to be seen. */
  const copyBytes = Number(process.env.DEVICE_COPY_MB ?? 24) * 1_000_000;

  let stack: RelayStack;
  let ada: Somebody;
  const relays: { id: string; child: SupervisedChild; port: number; address: string }[] = [];

  beforeAll(async () => {
    ({ stack, ada } = shared());
    for (const id of ['relay-a', 'relay-b']) await start(id);
  });
  afterAll(() => Promise.all(relays.map(({ child }) => child.stop())));

  async function start(id: string, settings: Readonly<Record<string, string>> = {}): Promise<void> {
    const { child, port } = await runRelay(stack, id, { RELAY_RESUME_SECONDS: '30', ...settings });
    relays.push({ id, child, port, address: `127.0.0.1:${port}` });
  }

  const addresses = () => relays.map(({ address }) => address);
  const trust = () => ({ ca: readFileSync(stack.authority.caFile, 'utf8') });

  /** Sends back what it is sent, and says 7 when it is told that there is no more. */
  function cat(session: ServedSession<'exec'>): void {
    const { stream } = session;
    stream.sendJson(frameTypes.accepted, {});
    stream.onDrain = () => stream.resume();
    stream.onFrame = (type, payload) => {
      if (type === frameTypes.data && !stream.send(frameTypes.data, payload)) stream.pause();
      if (type === frameTypes.eof) exit(session);
    };
  }

  function exit(session: ServedSession<'exec'>): void {
    const { stream } = session;
    stream.sendJson(frameTypes.exit, { code: 7, signal: null });
    stream.end();
    session.report({ kind: 'exit', code: 7, signal: null });
  }

  /** How often the client's side of a connection ended at the device. */
  let endsHeard = 0;

  /** A connection that is over at once. */
  function ended({ stream }: ServedSession<'forward'>): void {
    stream.sendJson(frameTypes.accepted, {});
    stream.onFrame = () => undefined;
    stream.onEnd = () => {
      endsHeard++;
    };
    stream.end();
  }

  async function serve(
    device: ApprovedDevice,
    exec: NonNullable<SessionHandlers['exec']> = cat,
  ): Promise<SessionServer> {
    let server: SessionServer | undefined;
    await new Promise<void>((resolve) => {
      server = serveSessions({
        deviceId: device.deviceId,
        agent: 'test',
        identity: device.identity.privateKey,
        sessionKeys: [sessionKeyOf(device)],
        grantKeys: [grantKeyOf(stack.grantKey.publicKey)],
        relays: addresses(),
        trust: trust(),
        handlers: { exec, forward: ended },
        onState: ({ status }) => status === 'online' && resolve(),
      });
    });
    return server as SessionServer;
  }

  function sessionKeyOf({ session }: ApprovedDevice) {
    const { x, d } = session.privateKey.export({ format: 'jwk' });
    return { public: Buffer.from(String(x), 'base64url'), secret: Buffer.from(String(d), 'base64url') };
  }

  function clientOf(device: ApprovedDevice, sid: string, action: DeviceAction = 'device.exec', relay?: string) {
    return sessionClient({
      trust: trust(),
      requestGrant: async ({ clientKey, scope }) => {
        const claims = { sid, scope, actions: [action], cnf: { x25519: clientKey } };
        return {
          grant: stack.grant(ada, device.deviceId, claims),
          sessionId: sid,
          expiresAt: new Date(Date.now() + 300_000).toISOString(),
          device: {
            id: device.deviceId,
            name: 'device',
            sessionKey: String(device.session.publicKey.export({ format: 'jwk' }).x),
          },
          relays: relay ? [relay] : addresses(),
        };
      },
    });
  }

  const request = {
    scope: { kind: 'exec', commandHash: commandHash(command) },
    open: { kind: 'exec', command, stdin: true },
  } as const;

  /** Sends bytes and reads them back, as fast as both go. */
  class Copy {
    readonly #got = createHash('sha256');
    received = 0;
    exit: unknown;
    readonly over: Promise<StreamEnd | 'ended'>;

    constructor(readonly frames: FrameStream) {
      frames.onFrame = (type, payload) => {
        if (type === frameTypes.exit) this.exit = JSON.parse(Buffer.from(payload).toString());
        if (type !== frameTypes.data) return;
        this.#got.update(payload);
        this.received += payload.byteLength;
      };
      this.over = new Promise((resolve) => {
        frames.onEnd = () => resolve('ended');
        frames.onReset = resolve;
      });
    }

    async send(bytes: Buffer): Promise<void> {
      for (let at = 0; at < bytes.byteLength; at += 32_768)
        if (!this.frames.send(frameTypes.data, bytes.subarray(at, at + 32_768)))
          await new Promise<void>((resolve) => {
            this.frames.onDrain = resolve;
          });
    }

    finish(): string {
      return this.#got.digest('hex');
    }
  }

  describe('a client and a device with two relays', () => {
    it('have a session through them, of which both ends and the log say the same', async () => {
      const device = await stack.registry.approve('acme');
      const server = await serve(device);
      const sid = randomUUID();
      const client = clientOf(device, sid);
      const copy = new Copy(await client.openSession(request));
      const bytes = randomBytes(4_000_000);
      await copy.send(bytes);
      copy.frames.send(frameTypes.eof, Buffer.alloc(0));
      await waitFor(() => copy.exit, patient);
      copy.frames.end();
      expect(await copy.over).toBe('ended');
      expect(copy.exit).toEqual({ code: 7, signal: null });
      expect(copy.finish()).toBe(createHash('sha256').update(bytes).digest('hex'));
      const ended = await waitFor(async () => (await stack.events('device.session.ended', sid))[0], patient);
      expect(ended.data).toMatchObject({ reason: 'closed', exit: { code: 7, signal: null } });
      // The relay took the device's report: it is not told again.
      await waitFor(() => server.counts.reports === 0);
      await client.close();
      await server.close('stopping');
    });

    it('are done when the client leaves with what it wanted: nobody is waited for', async () => {
      const device = await stack.registry.approve('acme');
      const server = await serve(device);
      const sid = randomUUID();
      const client = clientOf(device, sid);
      const copy = new Copy(await client.openSession(request));
      copy.frames.send(frameTypes.eof, Buffer.alloc(0));
      await waitFor(() => copy.exit, patient);
      // As a command ends: its process has no time for the last words of its streams.
      await client.close();
      const ended = await waitFor(async () => (await stack.events('device.session.ended', sid))[0], patient);
      expect(ended.data).toMatchObject({ exit: { code: 7, signal: null } });
      await server.close('stopping');
    });

    it('wait for the next stream no longer than for a client who is there', async () => {
      const device = await stack.registry.approve('acme');
      const server = await serve(device);
      const relay = server.state.status === 'online' ? server.state.relay : undefined;
      const sids = [randomUUID(), randomUUID()];
      const clients = sids.map((sid) => clientOf(device, sid, 'device.forward', relay));
      const before = endsHeard;
      for (const client of clients) {
        const session = await client.begin({ scope: { kind: 'forward', targets: ['tcp:127.0.0.1:80'] } });
        const stream = await session.open({ kind: 'forward', target: 'tcp:127.0.0.1:80' });
        expect(await new Copy(stream).over).toBe('ended');
        stream.end();
      }
      // Who leaves before his end has arrived has cancelled instead.
      await waitFor(() => endsHeard === before + 2);
      await clients[0]?.close();
      const over = await waitFor(async () => (await stack.events('device.session.ended', sids[0]))[0]);
      expect(over.data).toMatchObject({ reason: 'closed' });
      expect(await stack.events('device.session.ended', sids[1])).toEqual([]);
      await clients[1]?.close();
      await server.close('stopping');
    });

    it('go on byte for byte when the relay between them is killed in the middle of a copy', async () => {
      const device = await stack.registry.approve('acme');
      const server = await serve(device);
      const sid = randomUUID();
      const client = clientOf(device, sid);
      const copy = new Copy(await client.openSession(request));
      const bytes = randomBytes(copyBytes);
      const startMs = performance.now();
      const sending = copy.send(bytes);
      await waitFor(() => copy.received > copyBytes / 10, { timeoutMs: 120_000 });
      const at = server.state.status === 'online' ? server.state.relay : '';
      const victim = relays.findIndex(({ address }) => address === at);
      const { id, child } = relays.splice(victim, 1)[0] as (typeof relays)[number];
      // The relays of the other cases wait for two seconds only, and would end what nobody has resumed by then.
      await killUnnoticed(stack, id, child);
      // A session that came to an end instead tells why here: nothing drains any more.
      expect(await Promise.race([sending, copy.over])).toBeUndefined();
      copy.frames.send(frameTypes.eof, Buffer.alloc(0));
      await Promise.race([waitFor(() => copy.exit, { timeoutMs: 900_000 }), copy.over]);
      expect(copy.exit).toEqual({ code: 7, signal: null });
      const seconds = (performance.now() - startMs) / 1_000;
      console.log(`${copyBytes / 1e6} MB there and back in ${seconds.toFixed(1)} s, a relay killed in the middle`);
      expect(copy.received).toBe(bytes.byteLength);
      expect(copy.finish()).toBe(createHash('sha256').update(bytes).digest('hex'));
      copy.frames.end();
      const [ended] = await waitFor(async () => {
        const found = await stack.events('device.session.ended', sid);
        return found.length > 0 && found;
      });
      expect(ended?.data).toMatchObject({ reason: 'closed', exit: { code: 7, signal: null } });
      expect((await stack.events('device.session.%', sid)).map(({ type }) => type)).toEqual([
        'device.session.started',
        'device.session.resumed',
        'device.session.ended',
      ]);
      await client.close();
      await server.close('stopping');
    }, 1_200_000);

    it('are told what a command ended with while no relay was there', async () => {
      const device = await stack.registry.approve('acme');
      let running: ServedSession<'exec'> | undefined;
      const server = await serve(device, (session) => {
        running = session;
        session.stream.sendJson(frameTypes.accepted, {});
        session.stream.onFrame = () => undefined;
      });
      const sid = randomUUID();
      const client = clientOf(device, sid);
      const copy = new Copy(await client.openSession(request));
      const began = await waitFor(() => running);
      // It has been going on for long: of a relay that starts again, too, its client is waited for.
      const age = `update relay.sessions set since = now() - interval '1 hour' where session_id = $1`;
      await waitFor(async () => (await stack.superuser.query(age, [sid])).rowCount === 1);
      const { id, child, port } = relays.pop() as (typeof relays)[number];
      await killUnnoticed(stack, id, child);
      exit(began);
      await start(id, { RELAY_PORT: String(port) });
      await waitFor(() => copy.exit, patient);
      expect(copy.exit).toEqual({ code: 7, signal: null });
      copy.frames.end();
      expect(await copy.over).toBe('ended');
      const ended = await waitFor(async () => (await stack.events('device.session.ended', sid))[0], patient);
      expect(ended.data).toMatchObject({ reason: 'closed', exit: { code: 7, signal: null } });
      await client.close();
      await server.close('stopping');
    });

    it('are parted when the caller’s key is disabled, and the handler hears of it', async () => {
      const device = await stack.registry.approve('acme');
      const server = await serve(device);
      const bea = await stack.somebody('acme', 'bea', ['owner']);
      const sid = randomUUID();
      const before = ada;
      ada = bea;
      const client = clientOf(device, sid);
      const copy = new Copy(await client.openSession(request));
      ada = before;
      await copy.send(randomBytes(1_000));
      await waitFor(() => copy.received === 1_000);
      await stack.identity.publish('acme', 'key.disabled', { keyId: bea.keyId });
      expect(await copy.over).toMatchObject({ code: 'revoked' });
      await waitFor(() => server.counts.sessions === 0);
      await client.close();
      await server.close('stopping');
    });
  });
}
