import { randomBytes } from 'node:crypto';
import { waitFor } from '@gatehouse/testing';
import { type Carrier, type ConnectOptions, connect, StreamReset } from '@gatehouse/transport';
import { afterEach, describe, expect, it } from '@jest/globals';
import { GrantRefused } from './client/granting.js';
import { frameTypes } from './messages.js';
import { echo, execRequest, talk, World } from './session-world.fixture.js';

let world: World;
afterEach(() => world.close());

const both = [frameTypes.accepted, frameTypes.exit];

describe('a session through a relay', () => {
  it('carries frames both ways, and its report to the relay', async () => {
    world = await World.make();
    const { begun, handlers } = echo();
    const device = await world.device(handlers);
    const bytes = randomBytes(300_000);
    const { data, types, end } = await talk(await world.client(device).openSession(execRequest), bytes);
    expect([end, types]).toEqual(['end', both]);
    expect(data.equals(bytes)).toBe(true);
    const [session] = begun;
    expect(session?.source).toBe('203.0.113.9');
    expect(session?.grant.subject).toEqual({ type: 'user', id: 'u1' });
    await waitFor(() => session?.ended.aborted);
    await waitFor(() => world.relay.told.length === 1);
    expect(world.relay.told[0]).toMatchObject({
      type: 'session_report',
      sid: session?.grant.sid,
      event: { kind: 'exit' },
    });
    await waitFor(() => device.server.counts.sessions === 0);
  });

  it('does so over QUIC, too, and is cut there as well', async () => {
    world = await World.make(1, ['quic']);
    const { begun, handlers } = echo();
    const device = await world.device(handlers);
    const stream = await world.client(device).openSession(execRequest);
    let passed = 0;
    world.relay.malice.touch = (_, chunk) => {
      passed += chunk.byteLength;
      const [client] = world.relay.clients;
      if (passed > 300_000 && world.relay.opened.length === 1) void client?.carrier.close({ code: 'lost' });
      return chunk;
    };
    const bytes = randomBytes(500_000);
    const { data, end } = await talk(stream, bytes);
    expect([end, data.equals(bytes), begun.length, world.relay.opened.length]).toEqual(['end', true, 1, 2]);
    expect(device.server.state).toMatchObject({ status: 'online', carrier: 'quic' });
  });

  it.each(['quic', 'tls'] as const)(
    'is over on its device, too, when a relay over %s knows it as removed',
    async (kind) => {
      world = await World.make(1, [kind]);
      const { begun, handlers } = echo();
      const refusals: string[] = [];
      const device = await world.device(handlers, { onRefused: (code) => refusals.push(code) });
      await world.client(device).openSession(execRequest);
      await waitFor(() => begun.length === 1);
      await world.relay.tunnels.get(device.deviceId)?.carrier.close({ code: 'removed' });
      await waitFor(() => begun[0]?.ended.aborted);
      expect(refusals).toEqual(['removed']);
    },
  );

  it('has many streams under one grant, over one carrier', async () => {
    world = await World.make();
    const device = await world.device(echo().handlers);
    const session = await world.client(device).begin({ scope: execRequest.scope });
    const talks = Array.from({ length: 50 }, async (_, i) =>
      talk(await session.open(execRequest.open), Buffer.alloc(5_000, i)),
    );
    const ends = await Promise.all(talks);
    expect(ends.every(({ data, end }, i) => end === 'end' && data.equals(Buffer.alloc(5_000, i)))).toBe(true);
    expect(world.relay.clients.size).toBe(1);
    expect(new Set(world.relay.opened.map(({ grant }) => grant)).size).toBe(1);
    session.close();
  });

  it('goes on byte for byte when its carriers are cut, again and again', async () => {
    world = await World.make();
    const { begun, handlers } = echo();
    const device = await world.device(handlers);
    const stream = await world.client(device).openSession(execRequest);
    const bytes = randomBytes(6_000_000);
    let passed = 0;
    let cuts = 0;
    world.relay.malice.touch = (_, chunk) => {
      passed += chunk.byteLength;
      if (passed > (cuts + 1) * 2_000_000 && cuts < 4) {
        cuts++;
        const [client] = world.relay.clients;
        // Now one side, now the other, now both.
        if (cuts % 2) void client?.carrier.close({ code: 'lost' });
        if (cuts > 1) void world.relay.tunnels.get(device.deviceId)?.carrier.close({ code: 'lost' });
      }
      return chunk;
    };
    const { data, end, types } = await talk(stream, bytes);
    expect([end, types, cuts, begun.length]).toEqual(['end', both, 4, 1]);
    expect(data.equals(bytes)).toBe(true);
  });

  it('goes on over another relay when one is gone', async () => {
    world = await World.make(2);
    const { begun, handlers } = echo();
    const device = await world.device(handlers);
    const first = world.relays.find(({ tunnels }) => tunnels.size === 1);
    // Only the relay with the tunnel leads to the device here: the client is refused by the other one until the device is there.
    const stream = await world
      .client(device, {
        requestGrant: async (request) => ({
          ...world.granted(device, request),
          relays: [first?.address ?? '', ...world.addresses],
        }),
      })
      .openSession(execRequest);
    const bytes = randomBytes(4_000_000);
    let passed = 0;
    if (first) {
      first.malice.touch = (_, chunk) => {
        passed += chunk.byteLength;
        if (passed > 2_000_000 && passed - chunk.byteLength <= 2_000_000) void first.stop();
        return chunk;
      };
    }
    const { data, end } = await talk(stream, bytes);
    expect([end, begun.length]).toEqual(['end', 1]);
    expect(data.equals(bytes)).toBe(true);
    expect(world.relays.find((relay) => relay !== first)?.opened.length).toBeGreaterThan(0);
  });

  it('leaves a relay that says it will go, while it still stands', async () => {
    world = await World.make(2);
    const device = await world.device(echo().handlers);
    const [one, other] = world.relays as [TestRelayOf, TestRelayOf];
    const first = one.tunnels.size === 1 ? one : other;
    const second = first === one ? other : one;
    const requestGrant = async (request: Parameters<typeof world.granted>[1]) => ({
      ...world.granted(device, request),
      relays: [first.address, second.address],
    });
    const stream = await world.client(device, { requestGrant }).openSession(execRequest);
    first.tunnels.get(device.deviceId)?.control.send({ type: 'go_away', afterMs: 100 });
    await waitFor(() => second.tunnels.size === 1);
    for (const { control } of first.clients) control.send({ type: 'go_away', afterMs: 100 });
    await waitFor(() => second.opened.length === 1);
    const bytes = randomBytes(200_000);
    const { data, end } = await talk(stream, bytes);
    expect([end, data.equals(bytes)]).toEqual(['end', true]);
  });

  it.each(['client', 'device'] as const)(
    'goes on over a new connection when that of its %s is worn out',
    async (who) => {
      world = await World.make();
      const carriers: Carrier[] = [];
      const watched = {
        connect: async (options: ConnectOptions) => {
          const carrier = await connect(options);
          carriers.push(carrier);
          return carrier;
        },
      };
      const device = await world.device(echo().handlers, who === 'device' ? watched : {});
      const stream = await world.client(device, who === 'client' ? watched : {}).openSession(execRequest);
      carriers[0]?.onWorn?.();
      await waitFor(() => carriers.length === 2);
      // A device's streams go on where they are until the relay, which knows the new tunnel, closes the old one.
      await waitFor(() => who === 'device' || world.relay.opened.length === 2);
      const said = new Promise((resolve) => {
        stream.onFrame = (type, payload) => type === frameTypes.data && resolve(Buffer.from(payload).toString());
      });
      stream.send(frameTypes.data, Buffer.from('still there'));
      expect(await said).toBe('still there');
    },
  );

  it('ends when its grant does, unless a newer one comes in time', async () => {
    world = await World.make();
    const { begun, handlers } = echo();
    const device = await world.device(handlers);
    // Within the skew of clocks, and for two more seconds.
    const nearlyOver = () => {
      const exp = Math.ceil(Date.now() / 1_000) - 28;
      return { iat: exp - 2, exp };
    };
    let asked = 0;
    const renewing = world.client(device, {
      requestGrant: async (request) => world.granted(device, request, asked++ === 0 ? nearlyOver() : {}),
    });
    const tired = world.client(device, {
      requestGrant: async (request) => {
        if (request.sid) throw new Error('registry out of reach');
        return world.granted(device, request, nearlyOver());
      },
    });
    const goesOn = await renewing.openSession(execRequest);
    const ends = await tired.openSession(execRequest);
    const end = await new Promise((resolve) => (ends.onReset = resolve));
    expect(end).toEqual({ code: 'expired' });
    await waitFor(() => begun.some(({ ended }) => ended.aborted));
    expect(asked).toBe(2);
    expect((await talk(goesOn, Buffer.from('still here'))).data.toString()).toBe('still here');
  });

  it('ends when the registry does not renew it', async () => {
    world = await World.make();
    const device = await world.device(echo().handlers);
    const exp = Math.floor(Date.now() / 1_000) + 1;
    const client = world.client(device, {
      requestGrant: async (request) => {
        if (request.sid) throw new GrantRefused('denied', 'not any more');
        return world.granted(device, request, { iat: exp - 1, exp });
      },
    });
    const stream = await client.openSession(execRequest);
    expect(await new Promise((resolve) => (stream.onReset = resolve))).toEqual({
      code: 'revoked',
      detail: 'not any more',
    });
  });

  it('is over when the relay says so, whatever its stream does, and is not begun again', async () => {
    world = await World.make();
    const { begun, handlers } = echo();
    const device = await world.device(handlers);
    const client = world.client(device);
    const session = await client.begin({ scope: execRequest.scope });
    const stream = await session.open(execRequest.open);
    await waitFor(() => begun.length === 1);
    world.relay.tunnels
      .get(device.deviceId)
      ?.control.send({ type: 'end_session', sid: session.granted.sessionId, code: 'revoked' });
    expect(await new Promise((resolve) => (stream.onReset = resolve))).toEqual({ code: 'revoked' });
    expect(begun[0]?.ended.aborted).toBe(true);
    await expect(session.open(execRequest.open)).rejects.toMatchObject({ end: { code: 'revoked' } });
    expect(begun.length).toBe(1);
  });

  it('is refused at once when the device is not there', async () => {
    world = await World.make();
    const device = await world.device(echo().handlers);
    await device.server.close('stopping');
    await waitFor(() => world.relay.tunnels.size === 0);
    await expect(world.client(device).openSession(execRequest)).rejects.toMatchObject({
      end: { code: 'device_offline' },
    });
  });

  it('keeps reports until a relay took them', async () => {
    world = await World.make();
    const { handlers } = echo();
    const device = await world.device(handlers);
    await talk(await world.client(device).openSession(execRequest), Buffer.from('x'));
    await waitFor(() => world.relay.told.length === 1);
    await world.relay.tunnels.get(device.deviceId)?.carrier.close({ code: 'lost' });
    // Told again over the next tunnel: nobody said that it was taken.
    await waitFor(() => world.relay.told.length === 2);
    expect(world.relay.told[1]).toEqual(world.relay.told[0]);
    world.relay.tunnels.get(device.deviceId)?.control.send({ type: 'reports_taken', n: 1 });
    await waitFor(() => device.server.counts.reports === 0);
  });

  it('that goes on tells again what it ended with: the relay that took it may be gone', async () => {
    world = await World.make();
    const device = await world.device(echo().handlers);
    const stream = await world.client(device).openSession(execRequest);
    stream.send(frameTypes.eof, Buffer.alloc(0));
    await waitFor(() => world.relay.told.length === 1);
    world.relay.tunnels.get(device.deviceId)?.control.send({ type: 'reports_taken', n: 1 });
    await waitFor(() => device.server.counts.reports === 0);
    await world.relay.cut();
    await waitFor(() => world.relay.told.length === 2);
    expect(world.relay.told).toEqual([1, 2].map((n) => ({ ...(world.relay.told[0] as object), n })));
    expect(world.relay.opened.length).toBe(2);
  });

  it('is bounded in number', async () => {
    world = await World.make();
    const device = await world.device(echo().handlers, { limits: { sessions: 1, streamsPerSession: 2 } });
    const client = world.client(device, { openTimeoutMs: 1 });
    const session = await client.begin({ scope: execRequest.scope });
    await session.open(execRequest.open);
    await session.open(execRequest.open);
    await expect(session.open(execRequest.open)).rejects.toMatchObject({ end: { code: 'limit' } });
    await expect(client.openSession(execRequest)).rejects.toMatchObject({ end: { code: 'limit' } });
    session.close();
    await waitFor(() => device.server.counts.streams === 0);
    const full = await world.device(echo().handlers, { limits: { streams: 1 } });
    const other = world.client(full, { openTimeoutMs: 1 });
    await other.openSession(execRequest);
    await expect(other.openSession(execRequest)).rejects.toMatchObject({ end: { code: 'limit' } });
  });

  it.each([
    ['sessions', { sessions: 2 }],
    ['streams', { streams: 2 }],
  ])('whose client is gone keeps nobody out, of so many %s, and who is there stays', async (_, limits) => {
    world = await World.make();
    const lost: string[] = [];
    const { handlers } = echo();
    const device = await world.device(
      {
        exec: (session) => {
          handlers.exec?.(session);
          session.ended.addEventListener('abort', () => lost.push(session.grant.sid));
        },
      },
      { limits },
    );
    const [stays, comes] = [1, 2].map(() => world.client(device, { openTimeoutMs: 1 }));
    const there = await stays?.openSession(execRequest);
    let only: Carrier | undefined;
    const leaves = world.client(device, {
      connect: async (options) => {
        if (only) throw new StreamReset({ code: 'unreachable' });
        only = await connect(options);
        return only;
      },
    });
    await leaves.openSession(execRequest);
    await expect(comes?.openSession(execRequest)).rejects.toMatchObject({ end: { code: 'limit' } });
    await only?.close({ code: 'lost' });
    await waitFor(() => comes?.openSession(execRequest));
    await waitFor(() => lost.length === 1);
    expect(device.server.counts.streams).toBe(2);
    const said = new Promise((resolve) => {
      if (there)
        there.onFrame = (type, payload) => type === frameTypes.data && resolve(Buffer.from(payload).toString());
    });
    there?.send(frameTypes.data, Buffer.from('still there'));
    expect(await said).toBe('still there');
    await expect(comes?.openSession(execRequest)).rejects.toMatchObject({ end: { code: 'limit' } });
  });
});

type TestRelayOf = World['relays'][number];
