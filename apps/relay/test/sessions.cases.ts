import { randomBytes, randomUUID } from 'node:crypto';
import { waitFor } from '@gatehouse/testing';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { connectClient, connectDevice, deviceHello, dial, openStream } from './device.fixture.js';
import type { RelayStack, SharedRelays, Somebody, TestRelay } from './relay-stack.fixture.js';

export function sessionCases(shared: () => SharedRelays): void {
  let stack: RelayStack;
  let relay: TestRelay;
  let ada: Somebody;

  beforeAll(() => {
    ({ stack, one: relay, ada } = shared());
  });

  describe('a session', () => {
    it.each([
      ['tls', 'tls'],
      ['quic', 'quic'],
      ['quic', 'tls'],
    ] as const)(
      'from a client over %s to a device over %s is spliced byte for byte, half-closed, and recorded',
      async (from, to) => {
        const device = await stack.registry.approve('acme');
        const there = await connectDevice(stack, device, relay.port, [to]);
        const client = await connectClient(stack, relay.port, [from]);
        const sid = randomUUID();
        const grant = stack.grant(ada, device.deviceId, { sid });
        const session = await openStream(client, grant);
        expect(session.answer).toEqual({ type: 'opened' });
        const bytes = randomBytes(3_000_000);
        expect((await session.echo(bytes)).equals(bytes)).toBe(true);
        expect(there.served[0]?.open).toMatchObject({ grant, source: '127.0.0.1' });
        there.report(sid, { kind: 'exit', code: 3, signal: null });
        session.stream.end();
        expect(await session.over).toBe('ended');
        const ended = await waitFor(async () => (await stack.events('device.session.ended', sid))[0]);
        expect(ended.data).toMatchObject({
          sessionId: sid,
          deviceId: device.deviceId,
          reason: 'closed',
          exit: { code: 3, signal: null },
          bytesIn: bytes.byteLength,
          bytesOut: bytes.byteLength,
        });
        const [started] = await stack.events('device.session.started', sid);
        expect(started?.data).toMatchObject({
          subject: { type: 'service', id: 'ada' },
          kind: 'shell',
          relayId: 'relay-1',
          source: '127.0.0.1',
        });
      },
    );

    it('needs a signed hello of a device that is known', async () => {
      const device = await stack.registry.approve('acme');
      const other = await stack.registry.approve('acme');
      const impostor = await dial(stack, relay.port);
      const answer = await impostor.greet(deviceHello({ ...other, deviceId: device.deviceId }, impostor));
      expect(answer).toMatchObject({ type: 'refused', code: 'bad_signature' });
      expect((await impostor.closed).code).toBe('refused');
    });
  });
}
