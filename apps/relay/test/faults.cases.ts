import { randomUUID } from 'node:crypto';
import type { ApprovedDevice } from '@gatehouse/service-testing';
import { waitFor } from '@gatehouse/testing';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { connectClient, connectDevice, connectWhenReady, openStream } from './device.fixture.js';
import {
  killUnnoticed,
  type RelayStack,
  runRelay,
  type SharedRelays,
  type Somebody,
  type TestRelay,
} from './relay-stack.fixture.js';

/** What fails beside a session: relays, clients, policy, PostgreSQL. */
export function faultCases(shared: () => SharedRelays): void {
  let stack: RelayStack;
  let steady: TestRelay;
  let ada: Somebody;

  beforeAll(async () => {
    ({ stack, ada } = shared());
    steady = await stack.startRelay('steady', { RELAY_UNCHECKED_SECONDS: '3' });
  });

  const isOpen = async (deviceId: string) => {
    const { rows } = await stack.superuser.query('select from relay.tunnels where device_id = $1 and open', [deviceId]);
    return rows.length > 0;
  };

  describe('a relay that is killed', () => {
    it('leaves nothing open: its device and session go on elsewhere, and what did not is ended by the others', async () => {
      const doomed = await runRelay(stack, 'doomed');
      const [moves, stays] = [await stack.registry.approve('acme'), await stack.registry.approve('acme')];
      await connectWhenReady(stack, moves, doomed.port);
      await connectWhenReady(stack, stays, doomed.port);
      const before = await connectClient(stack, doomed.port);
      const [goesOn, ends] = [randomUUID(), randomUUID()];
      for (const [sid, device] of [[goesOn, moves] as const, [ends, stays] as const])
        expect((await openStream(before, stack.grant(ada, device.deviceId, { sid }))).answer.type).toBe('opened');
      process.kill(doomed.child.pid, 'SIGKILL');
      await doomed.child.exited;
      await connectWhenReady(stack, moves, steady.port);
      const after = await connectClient(stack, steady.port);
      const resumed = await openStream(after, stack.grant(ada, moves.deviceId, { sid: goesOn }));
      expect(resumed.answer.type).toBe('opened');
      expect(String(await resumed.echo(Buffer.from('on')))).toBe('on');
      const left = await waitFor(async () => (await stack.events('device.session.ended', ends))[0], {
        timeoutMs: 30_000,
      });
      expect(left.data.reason).toBe('relay_stopped');
      // What went through died with it: nobody says that it was nothing.
      expect(left.data).not.toHaveProperty('bytesIn');
      await waitFor(async () => !(await isOpen(stays.deviceId)));
      expect((await stack.events('tunnel.closed', stays.deviceId)).map(({ data }) => data.reason)).toEqual([
        'relay_stopped',
      ]);
      expect((await stack.events('device.session.%', goesOn)).map(({ type }) => type)).toEqual([
        'device.session.started',
        'device.session.resumed',
      ]);
      expect(String(await resumed.echo(Buffer.from('still')))).toBe('still');
      resumed.stream.end();
      const over = await waitFor(async () => (await stack.events('device.session.ended', goesOn))[0], {
        timeoutMs: 30_000,
      });
      expect([over.data.reason, 'bytesOut' in over.data]).toEqual(['closed', false]);
    });

    it('and starts again under its name ends what it had left', async () => {
      const first = await runRelay(stack, 'phoenix');
      const device = await stack.registry.approve('acme');
      const { tunnelId } = await connectWhenReady(stack, device, first.port);
      const sid = randomUUID();
      const grant = stack.grant(ada, device.deviceId, { sid });
      expect((await openStream(await connectClient(stack, first.port), grant)).answer.type).toBe('opened');
      await killUnnoticed(stack, 'phoenix', first.child);
      const second = await runRelay(stack, 'phoenix');
      await waitFor(async () => (await stack.events('tunnel.closed', tunnelId)).length === 1);
      const ended = await waitFor(async () => (await stack.events('device.session.ended', sid))[0], {
        timeoutMs: 30_000,
      });
      expect(ended.data.reason).toBe('relay_stopped');
      await second.child.stop();
    });

    it('or stops as it should, sends everybody elsewhere first', async () => {
      const polite = await runRelay(stack, 'polite');
      const device = await stack.registry.approve('acme');
      const there = await connectWhenReady(stack, device, polite.port);
      process.kill(polite.child.pid, 'SIGTERM');
      expect((await there.closed).code).toBe('unavailable');
      expect(there.heard.map(({ type }) => type)).toContain('go_away');
      expect((await polite.child.exited).code).toBe(0);
      expect((await stack.events('tunnel.closed', there.tunnelId)).map(({ data }) => data.reason)).toEqual([
        'relay_stopped',
      ]);
    });
  });

  describe('a session whose client is gone', () => {
    it('waits for it, is resumed by the same, and ends when nobody comes', async () => {
      const device = await stack.registry.approve('acme');
      const there = await connectDevice(stack, device, steady.port);
      const sid = randomUUID();
      const grant = stack.grant(ada, device.deviceId, { sid });
      const first = await connectClient(stack, steady.port);
      await openStream(first, grant);
      await first.carrier.close({ code: 'lost' });
      await waitFor(() => there.served[0]?.end);
      expect(there.served[0]?.end).toMatchObject({ code: 'client_lost' });
      const second = await connectClient(stack, steady.port);
      const resumed = await openStream(second, grant);
      expect(String(await resumed.echo(Buffer.from('here')))).toBe('here');
      await second.carrier.close({ code: 'lost' });
      const ended = await waitFor(async () => (await stack.events('device.session.ended', sid))[0]);
      expect(ended.data.reason).toBe('client_lost');
      const third = await connectClient(stack, steady.port);
      expect((await openStream(third, grant)).answer).toMatchObject({ type: 'refused', code: 'expired' });
    });
  });

  describe('while policy cannot be asked', () => {
    it('nobody is let in, and who is in stays for a bounded time', async () => {
      const device = await stack.registry.approve('acme');
      await connectDevice(stack, device, steady.port);
      const client = await connectClient(stack, steady.port);
      const sid = randomUUID();
      const session = await openStream(client, stack.grant(ada, device.deviceId, { sid }));
      expect(session.answer.type).toBe('opened');
      process.kill(stack.policy.child.pid, 'SIGSTOP');
      try {
        const refused = await openStream(client, stack.grant(ada, device.deviceId));
        expect(refused.answer).toMatchObject({ type: 'refused', code: 'unavailable' });
        expect(String(await session.echo(Buffer.from('on')))).toBe('on');
        expect(await session.over).toMatchObject({ code: 'unavailable' });
      } finally {
        process.kill(stack.policy.child.pid, 'SIGCONT');
      }
      const ended = await waitFor(async () => (await stack.events('device.session.ended', sid))[0]);
      expect(ended.data.reason).toBe('unavailable');
    });
  });

  describe('PostgreSQL that is killed', () => {
    it('lets nobody in, ends nobody, and takes no report of a device until it is back', async () => {
      const { one: relay, other } = shared();
      const devices = [await stack.registry.approve('acme'), await stack.registry.approve('acme')];
      const [there, elsewhere] = [
        await connectWhenReady(stack, devices[0] as ApprovedDevice, relay.port),
        await connectWhenReady(stack, devices[1] as ApprovedDevice, other.port),
      ];
      const client = await connectClient(stack, relay.port);
      const sid = randomUUID();
      const grant = () => stack.grant(ada, devices[0]?.deviceId ?? '', { sid: randomUUID() });
      const session = await openStream(client, stack.grant(ada, devices[0]?.deviceId ?? '', { sid, record: true }));
      const taken = () => there.heard.filter(({ type }) => type === 'reports_taken');
      // A test's PostgreSQL answers before it is on the disk: what was said to be stored is, from here on.
      await stack.superuser.query('checkpoint');
      await stack.postgres.kill9();
      const killedAtMs = performance.now();
      const event = { kind: 'recording_chunk', index: 0, bytes: 9, sha256: 'c'.repeat(64) } as const;
      there.control.send({ type: 'session_report', sid, n: 1, event });
      expect((await openStream(client, grant())).answer).toMatchObject({ type: 'refused', code: 'unavailable' });
      expect(String(await session.echo(Buffer.from('on')))).toBe('on');
      expect(taken()).toEqual([]);
      const ready = async () => (await fetch(`${await other.service.app.getUrl()}/readyz`)).ok;
      await waitFor(async () => !(await ready()));
      // Longer than a lease: a relay that missed no renewal would be right to end what is an hour old.
      await waitFor(() => performance.now() - killedAtMs > 2_500);
      await stack.postgres.restart();
      // As after an hour: none of the relays has been heard of, and the first that is back ends nothing of the others.
      await waitFor(() => stack.superuser.query(`update relay.relays set seen_at = now() - interval '1 hour'`));
      await waitFor(() => taken().length > 0, { timeoutMs: 60_000 });
      expect(taken()).toEqual([{ type: 'reports_taken', n: 1 }]);
      expect((await stack.events('recording.chunk_recorded', sid)).length).toBe(1);
      let answer: unknown;
      const again = async () => {
        ({ answer } = await openStream(client, grant()));
        return (answer as { type: string }).type === 'opened';
      };
      await waitFor(again, { timeoutMs: 60_000, message: () => `opened, not ${JSON.stringify(answer)}` });
      expect(String(await session.echo(Buffer.from('still on')))).toBe('still on');
      for (const { tunnelId } of [there, elsewhere]) expect(await stack.events('tunnel.closed', tunnelId)).toEqual([]);
    });
  });
}
