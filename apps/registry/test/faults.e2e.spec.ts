import { generateKeyPairSync, randomUUID } from 'node:crypto';
import type { Somebody } from '@gatehouse/service-testing';
import { startTestPostgres, type TestPostgres, waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { approve, TestDevice } from './device.fixture.js';
import { type RegistryStack, startRegistryStack } from './registry-stack.fixture.js';

let postgres: TestPostgres;
let stack: RegistryStack;
let owner: Somebody;
const patient = { timeoutMs: 60_000 };

beforeAll(async () => {
  // What it answered is there after it was killed.
  postgres = await startTestPostgres({ durable: true });
  stack = await startRegistryStack({}, postgres);
  await stack.tenant('acme', randomUUID());
  owner = await stack.somebody('acme', 'owner', ['owner']);
});
afterAll(() => stack?.stop());

const eventsOf = async (deviceId: string): Promise<string[]> => {
  const text = 'select type from registry.events where stream_id = $1 order by revision';
  const { rows } = await waitFor(() => stack.superuser.query(text, [`device:${deviceId}`]), patient);
  return rows.map(({ type }) => type);
};
const isReady = async () => (await stack.call('/readyz')).status === 200;

it.each(['PostgreSQL', 'NATS'])(
  '%s killed: changes and grants nothing while it is away, says so, and goes on by itself',
  async (name) => {
    const killed = name === 'NATS' ? stack.nats : postgres;
    const one = await new TestDevice(stack).admit(owner);
    const waits = await new TestDevice(stack).ask('acme');
    const clientKey = generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' }).x as string;
    const path = `/api/v1/devices/${one.deviceId}`;
    const as = (below: string, body: object | undefined, method: string) =>
      stack.call(`${path}${below}`, { key: owner.key, body, method });
    const session = () => as('/sessions', { scope: { kind: 'shell' }, clientKey }, 'POST');
    expect((await session()).status).toBe(201);
    const [before, asked] = [await eventsOf(one.deviceId), await eventsOf(waits.deviceId)];
    await killed.kill9();
    const answers = await Promise.all([
      session(),
      approve(stack, owner, waits.requestId),
      as('', { name: 'renamed' }, 'PATCH'),
      as('/labels', { labels: { a: 'b' } }, 'PUT'),
      as('', undefined, 'DELETE'),
    ]);
    for (const { status, headers, body } of answers) {
      expect([status, body.code]).toEqual([503, 'unavailable']);
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    }
    await waitFor(async () => !(await isReady()), patient);
    await killed.restart();
    expect(await eventsOf(one.deviceId)).toEqual(before);
    expect(await eventsOf(waits.deviceId)).toEqual(asked);
    await waitFor(isReady, patient);
    await waitFor(async () => (await session()).status === 201, patient);
    const approved = await waitFor(async () => {
      const answer = await approve(stack, owner, waits.requestId);
      return answer.status === 200 && answer;
    }, patient);
    expect(approved.body).toMatchObject({ id: waits.deviceId });
    // What was written goes on to who decides by it.
    const known = async () =>
      (await stack.call(`/api/v1/devices/${waits.deviceId}`, { key: owner.key })).status === 200;
    await waitFor(known, patient);
  },
  240_000,
);
