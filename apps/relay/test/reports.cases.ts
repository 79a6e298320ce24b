import { randomUUID } from 'node:crypto';
import { waitFor } from '@gatehouse/testing';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { connectClient, connectDevice, openStream } from './device.fixture.js';
import type { RelayStack, SharedRelays, Somebody, TestRelay } from './relay-stack.fixture.js';

/** What devices tell of their sessions. */
export function reportCases(shared: () => SharedRelays): void {
  let stack: RelayStack;
  let relay: TestRelay;
  let ada: Somebody;
  beforeAll(() => {
    ({ stack, ada, one: relay } = shared());
  });

  describe('a device', () => {
    it('says nothing of sessions on another one', async () => {
      const [device, other] = [await stack.registry.approve('acme'), await stack.registry.approve('acme')];
      await connectDevice(stack, device, relay.port);
      const liar = await connectDevice(stack, other, relay.port);
      const client = await connectClient(stack, relay.port);
      const sid = randomUUID();
      const session = await openStream(client, stack.grant(ada, device.deviceId, { sid }));
      liar.report(sid, { kind: 'exit', code: 0, signal: null });
      liar.report(sid, { kind: 'recording_chunk', index: 0, bytes: 1, sha256: 'a'.repeat(64) });
      session.stream.end();
      expect(await session.over).toBe('ended');
      const ended = await waitFor(async () => (await stack.events('device.session.ended', sid))[0]);
      expect(ended.data).not.toHaveProperty('exit');
      expect(await stack.events('recording.%', sid)).toEqual([]);
    });
  });

  describe('what a device refuses', () => {
    it('is in the log although policy allowed it, each word once however often it is told, and not without end', async () => {
      const device = await stack.registry.approve('acme');
      const there = await connectDevice(stack, device, relay.port);
      const sid = randomUUID();
      await openStream(await connectClient(stack, relay.port), stack.grant(ada, device.deviceId, { sid }));
      const said = [
        'not_granted',
        'refused',
        'not_granted',
        'refused',
        ...Array.from({ length: 30 }, (_, i) => `made_up_${i}`),
      ];
      for (const code of said) there.report(sid, { kind: 'refused', code });
      // Reports of one device are taken one after the other: with this one, all before it are.
      there.report(sid, { kind: 'recording_chunk', index: 0, bytes: 1, sha256: 'a'.repeat(64) });
      await waitFor(async () => (await stack.events('recording.chunk_recorded', sid)).length === 1);
      const codes = (await stack.events('device.session.refused', sid)).map(({ data }) => data.code);
      expect(codes).toEqual(['not_granted', 'refused', ...said.slice(4, 18)]);
    });
  });

  describe('a recording', () => {
    it('is in the log chunk by chunk, once each, and truncated when its device goes away', async () => {
      const device = await stack.registry.approve('acme');
      const there = await connectDevice(stack, device, relay.port);
      const client = await connectClient(stack, relay.port);
      const sid = randomUUID();
      await openStream(client, stack.grant(ada, device.deviceId, { sid, record: true }));
      const chunk = (index: number) =>
        ({ kind: 'recording_chunk', index, bytes: 10, sha256: `${index}`.repeat(64) }) as const;
      for (const index of [0, 1, 1, 0, 2]) there.report(sid, chunk(index));
      await waitFor(async () => (await stack.events('recording.chunk_recorded', sid)).length === 3);
      await there.carrier.close({ code: 'lost' });
      // Both are written one after the other: the end is the last of them.
      const ended = await waitFor(async () => (await stack.events('device.session.ended', sid))[0]);
      const [truncated] = await stack.events('recording.truncated', sid);
      expect(truncated?.data).toMatchObject({ chunks: 3 });
      expect(ended.data.reason).toBe('device_lost');
    });
  });
}
