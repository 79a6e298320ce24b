import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { createLocalAuthority } from '@gatehouse/local-servers';
import { waitFor } from '@gatehouse/testing';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { type ConnectedDevice, connectClient, connectDevice, deviceHello, dial, openStream } from './device.fixture.js';
import type { RelayStack, SharedRelays, Somebody, TestRelay } from './relay-stack.fixture.js';

export function tunnelCases(shared: () => SharedRelays): void {
  let stack: RelayStack;
  let one: TestRelay;
  let other: TestRelay;
  let ada: Somebody;

  beforeAll(() => {
    ({ stack, one, other, ada } = shared());
  });

  const openRow = async (deviceId: string) => {
    const { rows } = await stack.superuser.query('select * from relay.tunnels where device_id = $1 and open', [
      deviceId,
    ]);
    return rows[0];
  };

  describe('tunnels', () => {
    it('of one device are one at a time: the latest counts at both relays, and the late end of an older one removes nothing', async () => {
      const device = await stack.registry.approve('acme');
      const client = await connectClient(stack, one.port);
      // Races of several connections at both relays, each round from where the one before left it.
      for (let round = 0; round < 6; round++) {
        const ports = [one.port, other.port, one.port, other.port].slice(0, 2 + (round % 3));
        const tries = await Promise.allSettled(ports.map((port) => connectDevice(stack, device, port)));
        const connected = tries.flatMap((tried) => (tried.status === 'fulfilled' ? [tried.value] : []));
        expect(connected.length).toBeGreaterThan(0);
        const row = await openRow(device.deviceId);
        const winner = connected.find(({ tunnelId }) => tunnelId === row.tunnel_id) as ConnectedDevice;
        expect(winner).toBeDefined();
        for (const loser of connected) if (loser !== winner) expect((await loser.closed).code).toBe('replaced');
        // All ends of losers have been told by now, and the winner still stands.
        const session = await waitFor(async () => {
          const opened = await openStream(client, stack.grant(ada, device.deviceId));
          return opened.answer.type === 'opened' && opened;
        });
        expect(String(await session.echo(Buffer.from(`round ${round}`)))).toBe(`round ${round}`);
        expect(winner.served.length).toBe(1);
        session.stream.end();
        await session.over;
      }
      // Each was replaced by the next one's event alone.
      expect(await stack.events('tunnel.closed', device.deviceId)).toEqual([]);
    });

    it('that are lost are closed within seconds, and open again when the device is back', async () => {
      const device = await stack.registry.approve('acme');
      const there = await connectDevice(stack, device, one.port);
      await there.carrier.close({ code: 'closed' });
      await waitFor(async () => !(await openRow(device.deviceId)));
      const client = await connectClient(stack, other.port);
      const offline = await openStream(client, stack.grant(ada, device.deviceId));
      expect(offline.answer).toMatchObject({ type: 'refused', code: 'device_offline' });
      const back = await connectDevice(stack, device, other.port);
      expect((await openRow(device.deviceId)).tunnel_id).toBe(back.tunnelId);
      const closed = await stack.events('tunnel.closed', there.tunnelId);
      expect(closed.map(({ data }) => data.reason)).toEqual(['closed']);
    });

    it('end when their device is removed, and it is told so, then and when it comes again', async () => {
      const device = await stack.registry.approve('acme');
      const there = await connectDevice(stack, device, one.port);
      await stack.registry.remove(device);
      expect((await there.closed).code).toBe('removed');
      expect(there.heard.at(-1)).toEqual({ type: 'refused', code: 'removed' });
      const again = await dial(stack, one.port);
      expect(await again.greet(deviceHello(device, again))).toMatchObject({ type: 'refused', code: 'removed' });
    });

    it('are opened by the holder of the keys as they are now', async () => {
      const device = await stack.registry.approve('acme');
      await connectDevice(stack, device, one.port);
      const rotated = await stack.registry.rotate(device);
      const open = () => connectDevice(stack, rotated, one.port).catch(() => undefined);
      await waitFor(open, { message: 'the new key is known' });
      const old = await dial(stack, one.port);
      expect(await old.greet(deviceHello(device, old))).toMatchObject({ type: 'refused', code: 'bad_signature' });
    });

    it('are not opened with the words of another connection, nor of another relay', async () => {
      const device = await stack.registry.approve('acme');
      await connectDevice(stack, device, one.port);
      const [first, second] = [await dial(stack, one.port), await dial(stack, one.port)];
      const replayed = await second.greet(deviceHello(device, first));
      expect(replayed).toMatchObject({ type: 'refused', code: 'bad_signature' });
    });
  });

  describe('two relays', () => {
    it('reach a device from either of them, and record the session where the device is', async () => {
      const device = await stack.registry.approve('acme');
      const there = await connectDevice(stack, device, other.port);
      const client = await connectClient(stack, one.port);
      const sid = randomUUID();
      const session = await waitFor(async () => {
        const opened = await openStream(client, stack.grant(ada, device.deviceId, { sid }));
        return opened.answer.type === 'opened' && opened;
      });
      const bytes = Buffer.alloc(500_000, 7);
      expect((await session.echo(bytes)).equals(bytes)).toBe(true);
      expect(there.served[0]?.open.source).toBe('127.0.0.1');
      const started = await stack.events('device.session.started', sid);
      expect(started.map(({ data }) => data.relayId)).toEqual(['relay-2']);
      // The reason travels both hops.
      there.served[0]?.stream.reset({ code: 'protocol' });
      expect(await session.over).toMatchObject({ code: 'protocol' });
    });

    it('hand a stream on once: one that claims to be a peer without the key is nobody', async () => {
      const stranger = await dial(stack, one.port);
      const signature = Buffer.alloc(64, 1).toString('base64url');
      const answer = await stranger.greet({ type: 'hello', role: 'relay', version: 1, relayId: 'relay-2', signature });
      expect(answer).toMatchObject({ type: 'refused', code: 'bad_signature' });
    });
  });

  describe('a certificate that is renewed', () => {
    it('is shown to whoever connects next, over both carriers, and cuts nobody', async () => {
      const device = await stack.registry.approve('acme');
      const before = await connectDevice(stack, device, one.port);
      const { serverFingerprint } = before.carrier;
      const { certFile, keyFile } = stack.authority;
      rmSync(keyFile);
      expect((await createLocalAuthority(dirname(certFile))).renewed).toBe('server');
      for (const carriers of [['tls'], ['quic']] as const)
        await waitFor(async () => {
          const { carrier } = await dial(stack, one.port, carriers);
          const shown = carrier.serverFingerprint;
          await carrier.close({ code: 'closed' });
          return shown !== serverFingerprint;
        });
      expect(await openRow(device.deviceId)).toMatchObject({ tunnel_id: before.tunnelId });
    });
  });

  describe('over HTTP', () => {
    it('shows the tunnels of the caller, to those who may', async () => {
      const device = await stack.registry.approve('acme');
      await connectDevice(stack, device, one.port);
      const bob = await stack.somebody('globex', 'bob', ['owner']);
      const viewer = await stack.somebody('acme', 'eve', ['viewer']);
      const list = async ({ key }: Somebody) => {
        const url = `${await one.service.app.getUrl()}/api/v1/relay/tunnels?limit=500`;
        const answer = await fetch(url, { headers: { authorization: `Bearer ${key}` } });
        // biome-ignore lint/suspicious/noExplicitAny: an answer of which its parts are read
        return { status: answer.status, body: (await answer.json()) as any };
      };
      const mine = await list(ada);
      expect(mine.status).toBe(200);
      expect(mine.body.tunnels).toContainEqual(
        expect.objectContaining({ deviceId: device.deviceId, relayId: 'relay-1' }),
      );
      expect(await list(bob)).toMatchObject({ status: 200, body: { tunnels: [] } });
      expect((await list(viewer)).status).toBe(403);
    });
  });
}
