import { randomBytes, randomUUID } from 'node:crypto';
import { waitFor } from '@gatehouse/testing';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { connectClient, connectDevice, connectWhenReady, dial, openStream } from './device.fixture.js';
import type { RelayStack, SharedRelays, Somebody, TestRelay } from './relay-stack.fixture.js';

/** Who asks for what is not his, or for too much. */
export function refusalCases(shared: () => SharedRelays): void {
  let stack: RelayStack;
  let relay: TestRelay;
  let ada: Somebody;
  beforeAll(() => {
    ({ stack, ada, one: relay } = shared());
  });

  describe('somebody hostile', () => {
    it('who opens streams before a hello, sends no message or too long a one, is thrown out, and nobody else notices', async () => {
      const device = await stack.registry.approve('acme');
      await connectDevice(stack, device, relay.port);
      const healthy = await openStream(await connectClient(stack, relay.port), stack.grant(ada, device.deviceId));
      const early = await dial(stack, relay.port);
      const stream = early.carrier.open();
      stream.onData = () => undefined;
      const reset = new Promise((resolve) => {
        stream.onReset = resolve;
      });
      stream.write(randomBytes(100));
      expect(await reset).toMatchObject({ code: 'protocol' });
      const odd = await dial(stack, relay.port);
      odd.control.send({ type: 'hello', role: 'king' });
      expect(await odd.next()).toMatchObject({ type: 'refused', code: 'version' });
      // What can't be compared with a number, where a text's length would stand.
      const bent = await dial(stack, relay.port);
      const agent = { length: { toString: 1, valueOf: 1 } };
      bent.control.send({ type: 'hello', role: 'client', version: 1, agent });
      expect(await bent.next()).toMatchObject({ type: 'refused', code: 'version' });
      for (const grant of [
        '',
        'a.b.c',
        'x'.repeat(8_000),
        stack.grant({ ...ada, tenantId: 'globex' }, device.deviceId),
      ]) {
        const answer = await openStream(await connectClient(stack, relay.port), grant);
        expect(answer.answer).toMatchObject({
          type: 'refused',
          code: expect.stringMatching(/^(bad_grant|wrong_device)$/),
        });
      }
      // A grant that another key signed, and one that has ended.
      const past = Math.floor(Date.now() / 1_000) - 600;
      const ended = stack.grant(ada, device.deviceId, { iat: past, exp: past + 300 });
      const answer = await openStream(await connectClient(stack, relay.port), ended);
      expect(answer.answer).toMatchObject({ type: 'refused', code: 'expired' });
      expect(String(await healthy.echo(Buffer.from('fine')))).toBe('fine');
    });

    it('who takes the id of another person’s session opens nothing', async () => {
      const device = await stack.registry.approve('acme');
      const there = await connectDevice(stack, device, relay.port);
      const client = await connectClient(stack, relay.port);
      const mallory = await stack.somebody('acme', 'mallory', ['owner']);
      const sid = randomUUID();
      const hers = await openStream(client, stack.grant(ada, device.deviceId, { sid }));
      const stolen = await openStream(client, stack.grant(mallory, device.deviceId, { sid }));
      expect(stolen.answer).toMatchObject({ type: 'refused', code: 'bad_grant' });
      expect(String(await hers.echo(Buffer.from('mine')))).toBe('mine');
      expect(there.served).toHaveLength(1);
    });
  });

  describe('limits', () => {
    it('of streams on one device are kept, and free again when one ends', async () => {
      const narrow = await stack.startRelay('narrow', {
        RELAY_STREAMS_PER_DEVICE: '2',
        RELAY_OPENS_PER_ADDRESS: '1000',
      });
      const device = await stack.registry.approve('acme');
      await connectWhenReady(stack, device, narrow.port);
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
      await connectWhenReady(stack, device, relay.port);
      const client = await connectClient(stack, relay.port);
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
}
