import { PLATFORM, type Platform } from '@gatehouse/service';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SealControl } from '../src/key/seal-control.js';
import { sweepOnce } from '../src/token/sweep.service.js';
import { eventsOf, everythingStored, vault } from './dialect-client.fixture.js';
import { type Somebody, startVaultStack, type VaultStack } from './vault-stack.fixture.js';

let stack: VaultStack;
let ann: Somebody;
let eve: Somebody;

beforeAll(async () => {
  stack = await startVaultStack();
  ann = await stack.somebody('acme', 'ann', ['admin']);
  eve = await stack.somebody('globex', 'eve', ['admin']);
});

afterAll(() => stack?.stop());

const invalid = { errors: ['wrapping token is not valid or does not exist'] };
const wrap = async (data: object = { answer: 42 }, ttl = '120s', who = ann) => {
  const answer = await vault(stack, 'PUT', 'sys/wrapping/wrap', { token: who.key, wrap: ttl }, data);
  expect([answer.status, answer.body?.errors]).toEqual([200, undefined]);
  return answer.body.wrap_info as { token: string; accessor: string; ttl: number };
};
const unwrap = (token: string) => vault(stack, 'PUT', 'sys/wrapping/unwrap', { token });
const failures = () => eventsOf(stack, 'acme', 'wrapping.unwrap_failed');

describe('a wrapped answer', () => {
  it('is told by its token alone, and read once', async () => {
    const answer = await vault(stack, 'PUT', 'sys/wrapping/wrap', { token: ann.key, wrap: '2m' }, { answer: 42 });
    expect(answer.body).toMatchObject({
      data: null,
      auth: null,
      wrap_info: { ttl: 120, creation_path: 'sys/wrapping/wrap' },
    });
    const { token, accessor, creation_time: at } = answer.body.wrap_info;
    expect(token).toMatch(/^gvw_[A-Za-z0-9_-]{53}[AQgw]$/);
    expect(Date.parse(at)).toBeLessThanOrEqual(Date.now());
    const looked = await vault(stack, 'PUT', 'sys/wrapping/lookup', { token });
    expect(looked.body.data).toEqual({ creation_path: 'sys/wrapping/wrap', creation_time: at, creation_ttl: 120 });
    const opened = await unwrap(token);
    expect([opened.status, opened.body.data]).toEqual([200, { answer: 42 }]);
    expect((await unwrap(token)).body).toEqual(invalid);
    expect((await failures()).at(-1)?.data).toEqual({
      wrappedId: accessor,
      reason: 'opened',
      creationPath: 'sys/wrapping/wrap',
    });
  });

  it('of any call: a new token, with the accessor of what is wrapped', async () => {
    const answer = await vault(stack, 'PUT', 'auth/token/create', { token: ann.key, wrap: '60s' }, {});
    expect(answer.body.auth).toBeNull();
    expect(answer.text).not.toContain('gvt_');
    const { token, wrapped_accessor: accessor } = answer.body.wrap_info;
    // The token in the body, and some other caller's in the header, as clients do that are logged in already.
    const opened = await vault(stack, 'POST', 'sys/wrapping/unwrap', { token: eve.key }, { token });
    expect(opened.body.auth).toMatchObject({ accessor, token_type: 'service' });
    const self = await vault(stack, 'GET', 'auth/token/lookup-self', { token: opened.body.auth.client_token });
    expect(self.status).toBe(200);
  });

  it('is read by one of many at once', async () => {
    const { token } = await wrap();
    const answers = await Promise.all(Array.from({ length: 20 }, () => unwrap(token)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(19);
  });

  it('is given another token by one of many at once, and the old one opens nothing', async () => {
    const { token, accessor } = await wrap({ moved: true });
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => vault(stack, 'PUT', 'sys/wrapping/rewrap', { token })),
    );
    const won = answers.filter(({ status }) => status === 200);
    expect(won).toHaveLength(1);
    expect((await unwrap(token)).body).toEqual(invalid);
    expect((await failures()).some(({ data }) => data.wrappedId === accessor && data.reason === 'replaced')).toBe(true);
    const { token: next, ttl } = won[0]?.body.wrap_info ?? {};
    expect(ttl).toBe(120);
    expect((await unwrap(next)).body.data).toEqual({ moved: true });
  });

  it('is gone at its time, and its content with it', async () => {
    const { token, accessor } = await wrap({ late: true }, '1s');
    await waitFor(async () => (await vault(stack, 'PUT', 'sys/wrapping/lookup', { token })).status === 400);
    expect((await unwrap(token)).body).toEqual(invalid);
    await sweepOnce(stack.service.app.get<Platform>(PLATFORM, { strict: false }).database.system, Date.now());
    const { rows } = await stack.superuser.query('select ciphertext from vault.wrapped_answers where wrapped_id = $1', [
      accessor,
    ]);
    expect(rows).toEqual([{ ciphertext: null }]);
    expect((await failures()).some(({ data }) => data.wrappedId === accessor && data.reason === 'expired')).toBe(true);
  });

  it.each([
    ['read a secret store', 'GET', 'auth/token/lookup-self'],
    ['make a token', 'PUT', 'auth/token/create'],
    ['wrap', 'PUT', 'sys/wrapping/wrap'],
    ['see the mounts', 'GET', 'sys/mounts'],
  ])('has a token that cannot %s', async (_name, method, path) => {
    const { token } = await wrap();
    expect((await vault(stack, method, path, { token, wrap: '60s' }, method === 'GET' ? undefined : {})).status).toBe(
      403,
    );
    expect((await unwrap(token)).status).toBe(200);
  });

  it('that was changed in its row opens nothing, and that is told', async () => {
    const { token, accessor } = await wrap();
    const other = await wrap({ other: true });
    await stack.superuser.query(
      `update vault.wrapped_answers t set ciphertext = o.ciphertext, wrapped_key = o.wrapped_key
       from vault.wrapped_answers o where t.wrapped_id = $1 and o.wrapped_id = $2`,
      [accessor, other.accessor],
    );
    expect((await unwrap(token)).body).toEqual(invalid);
    expect((await failures()).at(-1)?.data).toMatchObject({ wrappedId: accessor, reason: 'unreadable' });
    expect((await unwrap(other.token)).body.data).toEqual({ other: true });
  });

  it('of a sealed vault is not used up by trying', async () => {
    const { token } = await wrap({ waits: true });
    const control = stack.service.app.get(SealControl, { strict: false });
    await control.seal();
    expect((await unwrap(token)).status).toBe(503);
    await control.unseal();
    expect((await unwrap(token)).body.data).toEqual({ waits: true });
  });

  it('needs a time, and sys/wrapping/wrap says so', async () => {
    expect((await vault(stack, 'PUT', 'sys/wrapping/wrap', { token: ann.key }, { a: 1 })).status).toBe(400);
    expect((await wrap({}, '9999h')).ttl).toBe(604_800);
  });

  it.each(['', 'x', `gvw_${'A'.repeat(54)}`])('%j opens nothing', async (token) => {
    expect((await vault(stack, 'POST', 'sys/wrapping/unwrap', {}, { token })).body).toEqual(invalid);
  });
});

describe('a failed unwrap', () => {
  it('is told to identity, which raises an alert of the tenant', async () => {
    const told: object[] = [];
    const { serve, connectBus } = await import('@gatehouse/bus');
    const { observe } = await import('@gatehouse/contracts');
    const nc = await connectBus({ servers: stack.nats.url, user: 'identity' });
    serve(nc, observe, async ({ refusals }) => {
      told.push(...refusals);
      return { taken: refusals.length };
    });
    const { token, accessor } = await wrap();
    await unwrap(token);
    await unwrap(token);
    const row = await waitFor(() => told.find((each) => JSON.stringify(each).includes(accessor)));
    expect(row).toMatchObject({
      status: 401,
      reason: 'unwrap',
      tenantId: 'acme',
      principal: { type: 'wrapped', id: accessor },
    });
    await nc.close();
  }, 20_000);

  it('is recorded at most ten times for one answer', async () => {
    const { token, accessor } = await wrap();
    await unwrap(token);
    for (let i = 0; i < 14; i++) await unwrap(token);
    expect((await failures()).filter(({ data }) => data.wrappedId === accessor)).toHaveLength(10);
  });
});

describe('a canary', () => {
  it('neither content nor token of a wrapped answer stands in the clear', async () => {
    const { token } = await wrap({ password: 'canary-4f1d6b' });
    const stored = await everythingStored(stack);
    expect(stored).not.toContain('canary-4f1d6b');
    expect(stored).not.toContain(token.slice(4));
  });
});
