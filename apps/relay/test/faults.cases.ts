import { randomBytes, randomUUID } from 'node:crypto';
import type { ApprovedDevice } from '@gatehouse/service-testing';
import { waitFor } from '@gatehouse/testing';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { connectClient, connectDevice, dial, openStream } from './device.fixture.js';
import { type RelayStack, runRelay, type SharedRelays, type Somebody, type TestRelay } from './relay-stack.fixture.js';

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

  const connectWhenReady = (device: Parameters<typeof connectDevice>[1], port: number) =>
    waitFor(() => connectDevice(stack, device, port).catch(() => undefined), { timeoutMs: 30_000 });

  describe('a relay that is killed', () => {
    it('leaves nothing open: its device and session go on elsewhere, and what did not is ended by the others', async () => {
      const doomed = await runRelay(stack, 'doomed');
      const [moves, stays] = [await stack.registry.approve('acme'), await stack.registry.approve('acme')];
      await connectWhenReady(moves, doomed.port);
      await connectWhenReady(stays, doomed.port);
      const before = await connectClient(stack, doomed.port);
      const [goesOn, ends] = [randomUUID(), randomUUID()];
      for (const [sid, device] of [[goesOn, moves] as const, [ends, stays] as const])
        expect((await openStream(before, stack.grant(ada, device.deviceId, { sid }))).answer.type).toBe('opened');
      process.kill(doomed.child.pid, 'SIGKILL');
      await doomed.child.exited;
      await connectWhenReady(moves, steady.port);
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
      const { tunnelId } = await connectWhenReady(device, first.port);
      process.kill(first.child.pid, 'SIGKILL');
      await first.child.exited;
      const second = await runRelay(stack, 'phoenix');
      await waitFor(async () => (await stack.events('tunnel.closed', tunnelId)).length === 1);
      await second.child.stop();
    });

    it('or stops as it should, sends everybody elsewhere first', async () => {
      const polite = await runRelay(stack, 'polite');
      const device = await stack.registry.approve('acme');
      const there = await connectWhenReady(device, polite.port);
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
      const ended = await waitFor(async () => (await stack.events('device.session.ended', sid))[0], {
        timeoutMs: 20_000,
      });
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

  describe('somebody hostile', () => {
    it('who opens streams before a hello, sends no message or too long a one, is thrown out, and nobody else notices', async () => {
      const device = await stack.registry.approve('acme');
      await connectDevice(stack, device, steady.port);
      const healthy = await openStream(await connectClient(stack, steady.port), stack.grant(ada, device.deviceId));
      const early = await dial(stack, steady.port);
      const stream = early.carrier.open();
      stream.onData = () => undefined;
      const reset = new Promise((resolve) => {
        stream.onReset = resolve;
      });
      stream.write(randomBytes(100));
      expect(await reset).toMatchObject({ code: 'protocol' });
      const odd = await dial(stack, steady.port);
      odd.control.send({ type: 'hello', role: 'king' });
      expect(await odd.next()).toMatchObject({ type: 'refused', code: 'version' });
      for (const grant of [
        '',
        'a.b.c',
        'x'.repeat(8_000),
        stack.grant({ ...ada, tenantId: 'globex' }, device.deviceId),
      ]) {
        const answer = await openStream(await connectClient(stack, steady.port), grant);
        expect(answer.answer).toMatchObject({
          type: 'refused',
          code: expect.stringMatching(/^(bad_grant|wrong_device)$/),
        });
      }
      // A grant that another key signed, and one that has ended.
      const past = Math.floor(Date.now() / 1_000) - 600;
      const ended = stack.grant(ada, device.deviceId, { iat: past, exp: past + 300 });
      const answer = await openStream(await connectClient(stack, steady.port), ended);
      expect(answer.answer).toMatchObject({ type: 'refused', code: 'expired' });
      expect(String(await healthy.echo(Buffer.from('fine')))).toBe('fine');
    });

    it('who takes the id of another person’s session opens nothing', async () => {
      const device = await stack.registry.approve('acme');
      const there = await connectDevice(stack, device, steady.port);
      const client = await connectClient(stack, steady.port);
      const mallory = await stack.somebody('acme', 'mallory', ['owner']);
      const sid = randomUUID();
      const hers = await openStream(client, stack.grant(ada, device.deviceId, { sid }));
      const stolen = await openStream(client, stack.grant(mallory, device.deviceId, { sid }));
      expect(stolen.answer).toMatchObject({ type: 'refused', code: 'bad_grant' });
      expect(String(await hers.echo(Buffer.from('mine')))).toBe('mine');
      expect(there.served).toHaveLength(1);
    });

    it('who is a device says nothing of sessions on another one', async () => {
      const [device, other] = [await stack.registry.approve('acme'), await stack.registry.approve('acme')];
      await connectDevice(stack, device, steady.port);
      const liar = await connectDevice(stack, other, steady.port);
      const client = await connectClient(stack, steady.port);
      const sid = randomUUID();
      const session = await openStream(client, stack.grant(ada, device.deviceId, { sid }));
      liar.report(sid, { kind: 'exit', code: 0, signal: null });
      liar.report(sid, { kind: 'recording_chunk', index: 0, bytes: 1, sha256: 'a'.repeat(64) });
      session.stream.end();
      expect(await session.over).toBe('ended');
      const ended = await waitFor(async () => (await stack.events('device.session.ended', sid))[0], {
        timeoutMs: 20_000,
      });
      expect(ended.data).not.toHaveProperty('exit');
      expect(await stack.events('recording.%', sid)).toEqual([]);
    });
  });

  describe('what a device refuses', () => {
    it('is in the log although policy allowed it, each word once however often it is told, and not without end', async () => {
      const device = await stack.registry.approve('acme');
      const there = await connectDevice(stack, device, steady.port);
      const sid = randomUUID();
      await openStream(await connectClient(stack, steady.port), stack.grant(ada, device.deviceId, { sid }));
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
      const there = await connectDevice(stack, device, steady.port);
      const client = await connectClient(stack, steady.port);
      const sid = randomUUID();
      await openStream(client, stack.grant(ada, device.deviceId, { sid, record: true }));
      const chunk = (index: number) =>
        ({ kind: 'recording_chunk', index, bytes: 10, sha256: `${index}`.repeat(64) }) as const;
      for (const index of [0, 1, 1, 0, 2]) there.report(sid, chunk(index));
      await waitFor(async () => (await stack.events('recording.chunk_recorded', sid)).length === 3);
      await there.carrier.close({ code: 'lost' });
      // Both are written one after the other: the end is the last of them.
      const ended = await waitFor(async () => (await stack.events('device.session.ended', sid))[0], {
        timeoutMs: 20_000,
      });
      const [truncated] = await stack.events('recording.truncated', sid);
      expect(truncated?.data).toMatchObject({ chunks: 3 });
      expect(ended.data.reason).toBe('device_lost');
    });
  });

  describe('limits', () => {
    it('of streams on one device are kept, and free again when one ends', async () => {
      const narrow = await stack.startRelay('narrow', {
        RELAY_STREAMS_PER_DEVICE: '2',
        RELAY_OPENS_PER_ADDRESS: '1000',
      });
      const device = await stack.registry.approve('acme');
      await connectWhenReady(device, narrow.port);
      const client = await connectClient(stack, narrow.port);
      const open = () => openStream(client, stack.grant(ada, device.deviceId));
      const [one, two, three] = [await open(), await open(), await open()];
      expect([one.answer.type, two.answer.type]).toEqual(['opened', 'opened']);
      expect(three.answer).toMatchObject({ type: 'refused', code: 'limit', retryAfterMs: expect.any(Number) });
      one.stream.end();
      await one.over;
      await waitFor(async () => (await open()).answer.type === 'opened');
      await narrow.stop();
    });

    it('of policy count a session where it is granted, and not again when it starts or is looked at', async () => {
      const lena = await stack.somebody('limited', 'lena', ['owner']);
      const ask = async (path: string, body: object) => {
        const headers = { authorization: `Bearer ${lena.key}`, 'content-type': 'application/json' };
        const answer = await fetch(`${stack.policy.address}${path}`, {
          method: 'POST',
          headers,
          body: JSON.stringify(body),
        });
        // biome-ignore lint/suspicious/noExplicitAny: an answer of which its parts are read
        return (await answer.json()) as any;
      };
      const rule = { type: 'rate_limit', id: 'once', scope: 'per_user', actions: ['device.shell'] };
      const document = { rules: [{ ...rule, requests_per_period: 1, period_seconds: 86_400 }] };
      const { digest } = await ask('/api/v1/policy/versions', { document });
      await ask(`/api/v1/policy/versions/${digest}/activate`, { reason: 'test' });
      const device = await stack.registry.approve('limited');
      await connectWhenReady(device, steady.port);
      const client = await connectClient(stack, steady.port);
      const open = () => openStream(client, stack.grant(lena, device.deviceId));
      const [first, second] = [await open(), await open()];
      // Facts change: both are decided again.
      await stack.somebody('limited', 'newcomer', ['viewer']);
      for (const session of [first, second]) expect(String(await session.echo(Buffer.from('on')))).toBe('on');
      const question = {
        subject: { type: 'service', id: lena.id },
        action: { name: 'device.shell' },
        resource: { type: 'device', id: device.deviceId },
      };
      const asked = async () => (await ask('/access/v1/evaluation', question)).context.reason;
      expect([await asked(), await asked()]).toEqual(['permitted', 'rate_limited']);
    });
  });
  describe('PostgreSQL that is killed', () => {
    it('lets nobody in, ends nobody, and takes no report of a device until it is back', async () => {
      const { one: relay, other } = shared();
      const devices = [await stack.registry.approve('acme'), await stack.registry.approve('acme')];
      const [there, elsewhere] = [
        await connectWhenReady(devices[0] as ApprovedDevice, relay.port),
        await connectWhenReady(devices[1] as ApprovedDevice, other.port),
      ];
      const client = await connectClient(stack, relay.port);
      const sid = randomUUID();
      const grant = () => stack.grant(ada, devices[0]?.deviceId ?? '', { sid: randomUUID() });
      const session = await openStream(client, stack.grant(ada, devices[0]?.deviceId ?? '', { sid, record: true }));
      const taken = () => there.heard.filter(({ type }) => type === 'reports_taken');
      // A test's PostgreSQL answers before it is on the disk: what was said to be stored is, from here on.
      await stack.superuser.query('checkpoint');
      await stack.postgres.kill9();
      const event = { kind: 'recording_chunk', index: 0, bytes: 9, sha256: 'c'.repeat(64) } as const;
      there.control.send({ type: 'session_report', sid, n: 1, event });
      expect((await openStream(client, grant())).answer).toMatchObject({ type: 'refused', code: 'unavailable' });
      expect(String(await session.echo(Buffer.from('on')))).toBe('on');
      expect(taken()).toEqual([]);
      const ready = async () => (await fetch(`${await other.service.app.getUrl()}/readyz`)).ok;
      await waitFor(async () => !(await ready()), { timeoutMs: 30_000 });
      await stack.postgres.restart();
      // As after an hour: none of the relays has been heard of, and the first that is back ends nothing of the others.
      await waitFor(() => stack.superuser.query(`update relay.relays set seen_at = now() - interval '1 hour'`));
      await waitFor(() => taken().length > 0, { timeoutMs: 60_000 });
      expect(taken()).toEqual([{ type: 'reports_taken', n: 1 }]);
      expect((await stack.events('recording.chunk_recorded', sid)).length).toBe(1);
      const again = async () => (await openStream(client, grant())).answer.type === 'opened';
      await waitFor(again, { timeoutMs: 60_000 });
      expect(String(await session.echo(Buffer.from('still on')))).toBe('still on');
      for (const { tunnelId } of [there, elsewhere]) expect(await stack.events('tunnel.closed', tunnelId)).toEqual([]);
    });
  });
}
