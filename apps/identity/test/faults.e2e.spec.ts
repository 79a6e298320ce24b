import { waitFor } from '@gatehouse/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { api, works } from './api.fixture.js';
import { type CommitGate, startCommitGate } from './commit-gate.fixture.js';
import { type FirstOwner, type Replica, type StackWithServer, startStackWithServer } from './stack.fixture.js';

let stack: StackWithServer;
let gate: CommitGate;
let owner: FirstOwner;
let key: string;

beforeAll(async () => {
  stack = await startStackWithServer();
  gate = await startCommitGate(stack.postgres.port);
  owner = await stack.bootstrap();
  key = owner.operatorKey;
});

afterAll(async () => {
  await gate?.stop();
  await stack?.stop();
});

afterEach(() => stack.stopReplicas());

const throughGate = () => stack.serveApart({ DATABASE_URL: stack.databaseUrl(gate.port) });
const eventsOf = (name: string) =>
  stack.superuser(`select from identity.events where type = 'key.created' and envelope like $1`, [
    `%"name":"${name}"%`,
  ]);

/** Sends a request, waits for the transaction that writes `text`, kills the service on one side of the commit, and starts another replica in its place. */
async function killDuring(text: string, side: 'before' | 'after', send: (replica: Replica) => Promise<unknown>) {
  const replica = await throughGate();
  await works(replica, key);
  const held = gate.hold(text, side);
  const unanswered = expect(send(replica)).rejects.toThrow('fetch failed');
  await held;
  await replica.child.kill9();
  await unanswered;
  const next = await stack.serveApart();
  await works(next, key);
  return next;
}

describe('killed while a key is made', () => {
  const request = (name: string) => ({ key, body: { name }, headers: { 'idempotency-key': `make-${name}` } });

  it('before the commit: nothing is stored, and the repeated request makes the key', async () => {
    const make = (replica: Replica) => api(replica, 'POST /keys', request('killed-before'));
    const replica = await killDuring('"name":"killed-before"', 'before', make);
    expect(await eventsOf('killed-before')).toHaveLength(0);
    const answer = await make(replica);
    expect(answer.status).toBe(201);
    await works(replica, answer.body.key);
    expect(await eventsOf('killed-before')).toHaveLength(1);
  });

  it('after the commit: the repeated request learns which key it was, and nothing is doubled', async () => {
    const make = (replica: Replica) => api(replica, 'POST /keys', request('killed-after'));
    const replica = await killDuring('"name":"killed-after"', 'after', make);
    expect(await eventsOf('killed-after')).toHaveLength(1);
    const answer = await make(replica);
    expect(answer).toMatchObject({ status: 409, body: { code: 'key_already_created' } });
    const path = (answer.headers.get('location') ?? '').replace('/api/v1/identity', '');
    expect((await api(replica, `GET ${path}`, { key })).body).toMatchObject({ name: 'killed-after', enabled: true });
    expect(await eventsOf('killed-after')).toHaveLength(1);
    // The way forward that the answer names.
    expect((await api(replica, `POST ${path}/disable`, { key })).status).toBe(200);
    expect((await api(replica, 'POST /keys', request('killed-after-2'))).status).toBe(201);
  });
});

it('killed after the commit of a disabling: the repeated request is answered as the first, and nothing is doubled', async () => {
  const first = await stack.serveApart();
  await works(first, key);
  const { body } = await api(first, 'POST /keys', { key, body: { name: 'to-disable' } });
  await stack.stopReplicas();
  const headers = { 'idempotency-key': 'disable-and-die' };
  const disable = (replica: Replica) =>
    api(replica, `POST /keys/${body.keyId}/disable`, { key, headers, body: { reason: 'leaked' } });
  const replica = await killDuring('key.disabled', 'after', disable);
  expect(await disable(replica)).toMatchObject({
    status: 200,
    body: { enabled: false, reason: 'leaked', revision: 2 },
  });
  await waitFor(async () => (await api(replica, 'GET /me', { key: body.key })).status === 401);
  const stored = await stack.superuser('select from identity.events where stream_id = $1', [`key:${body.keyId}`]);
  expect(stored).toHaveLength(2);
});

it('killed after a set-up link was used: no second key, and another link leads back in', async () => {
  const redeem = (replica: Replica, token: string) => api(replica, 'POST /setup', { body: { token } });
  const replica = await killDuring('setup.redeemed', 'after', (at) => redeem(at, owner.setupToken));
  expect(await redeem(replica, owner.setupToken)).toMatchObject({ status: 401, body: { code: 'setup_link_invalid' } });
  expect(await stack.superuser(`select from identity.keys where family = 'mau'`)).toHaveLength(1);
});

it('PostgreSQL gone: 503 with Retry-After and never an "allowed"; it goes on by itself when PostgreSQL is back', async () => {
  const replica = await stack.serveApart();
  await works(replica, key);
  const { pid } = replica.child;
  await stack.postgres.kill9();

  for (const [what, call] of [
    ['POST /keys', { key, body: { name: 'while-down' }, headers: { 'idempotency-key': 'while-down' } }],
    ['GET /keys', { key }],
    ['GET /tenant', { key }],
    ['POST /setup', { body: { token: owner.setupToken } }],
  ] as const) {
    const answer = await api(replica, what, call);
    expect({ what, status: answer.status, code: answer.body.code }).toEqual({ what, status: 503, code: 'unavailable' });
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  }
  expect((await api(replica, 'GET /me', { key })).status).toBe(200);
  await waitFor(async () => (await fetch(`${replica.address}/readyz`)).status === 503);
  expect((await fetch(`${replica.address}/livez`)).status).toBe(200);

  await stack.postgres.restart();
  await waitFor(async () => (await fetch(`${replica.address}/readyz`)).ok);
  const call = { key, body: { name: 'while-down' }, headers: { 'idempotency-key': 'while-down' } };
  expect((await api(replica, 'POST /keys', call)).status).toBe(201);
  expect(replica.child.running() && replica.child.pid).toBe(pid);
});

it('policy unreachable: 503, and nothing is made for the time being', async () => {
  const replica = await stack.serveApart();
  await works(replica, key);
  await stack.policy.stop();
  const answer = await api(replica, 'POST /keys', { key, body: { name: 'undecided' } });
  expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } });
  expect(answer.headers.get('retry-after')).toBe('1');
  expect(await eventsOf('undecided')).toHaveLength(0);
});
