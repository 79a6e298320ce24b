import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventsOf, everythingStored, vault } from './dialect-client.fixture.js';
import { type Somebody, startVaultStack, type VaultStack } from './vault-stack.fixture.js';

let stack: VaultStack;
let admin: Somebody;
let ann: Somebody;
let eve: Somebody;

beforeAll(async () => {
  stack = await startVaultStack();
  admin = await stack.somebody('acme', 'boss', ['admin']);
  ann = await stack.somebody('acme', 'ann', ['developer']);
  eve = await stack.somebody('globex', 'eve', ['admin']);
});

afterAll(() => stack?.stop());

const put = (path: string, body?: object, token = admin.key) => vault(stack, 'PUT', path, { token }, body);
const get = (path: string, token = admin.key) => vault(stack, 'GET', path, { token });
const failed = { errors: ['Invalid role, credential or address'] };

/** An AppRole with a secret id. */
async function approle(name: string, settings: object = {}, secretId: object = {}, token = admin.key) {
  const written = await put(`auth/approle/role/${name}`, settings, token);
  expect([written.status, written.body]).toEqual([204, undefined]);
  const { role_id: roleId } = (await get(`auth/approle/role/${name}/role-id`, token)).body.data;
  const made = await put(`auth/approle/role/${name}/secret-id`, secretId, token);
  expect([made.status, made.body?.errors]).toEqual([200, undefined]);
  const { secret_id: text, secret_id_accessor: accessor } = made.body.data;
  return { roleId, secretId: text, accessor } as { roleId: string; secretId: string; accessor: string };
}

const login = (roleId: string, secretId: string, namespace?: string) =>
  vault(
    stack,
    'PUT',
    'auth/approle/login',
    { ...(namespace !== undefined && { namespace }) },
    { role_id: roleId, secret_id: secretId },
  );
const self = (token: string) => vault(stack, 'GET', 'auth/token/lookup-self', { token });

describe('an AppRole', () => {
  it('gives a token that acts as service/approle:<name>, as External Secrets Operator logs in', async () => {
    const { roleId, secretId } = await approle('deploy', { token_ttl: '20m', token_policies: 'default,secret.read' });
    const { status, body } = await login(roleId, secretId);
    expect(status).toBe(200);
    expect(body.auth).toMatchObject({
      ...{ client_token: expect.stringMatching(/^gvt_/), accessor: expect.any(String), renewable: true },
      ...{ policies: ['default', 'secret.read'], token_policies: ['default', 'secret.read'], token_type: 'service' },
      ...{ lease_duration: 1_200, entity_id: 'service/approle:deploy', metadata: { role_name: 'deploy' } },
    });
    const { data } = (await self(body.auth.client_token)).body;
    expect(data).toMatchObject({ type: 'service', path: 'auth/approle/login', orphan: true });
    expect(data.ttl).toBeGreaterThan(1_100);
  });

  it('is read, listed, changed member by member and removed', async () => {
    await put('auth/approle/role/Reader', { token_num_uses: 3, secret_id_ttl: '1h', policies: ['secret.list'] });
    await put('auth/approle/role/reader', { token_ttl: 60 });
    expect((await get('auth/approle/role/reader')).body.data).toMatchObject({
      ...{ token_num_uses: 3, secret_id_ttl: 3_600, token_policies: ['secret.list'], token_ttl: 60 },
    });
    expect((await get('auth/approle/role?list=true')).body.data.keys).toContain('reader');
    expect((await vault(stack, 'DELETE', 'auth/approle/role/reader', { token: admin.key })).status).toBe(204);
    expect((await get('auth/approle/role/reader')).status).toBe(404);
  });

  it.each([
    ['without secret ids', { bind_secret_id: false }],
    ['with policies that are none of ours', { token_policies: ['my-app'] }],
    ['with an unknown setting', { token_tll: 60 }],
    ['with a network that is none', { token_bound_cidrs: ['10.0.0.0/99'] }],
    ['with batch tokens', { token_type: 'batch' }],
  ])('%s is refused, and says why', async (_name, settings) => {
    const answer = await put('auth/approle/role/wrong', settings);
    expect(answer.status).toBe(400);
    expect(answer.body.errors[0]).toMatch(/^body\b/);
  });

  it('needs a decision for every part of it', async () => {
    const calls = [
      put('auth/approle/role/mine', {}, ann.key),
      get('auth/approle/role?list=true', ann.key),
      get('auth/approle/role/deploy/role-id', ann.key),
      put('auth/approle/role/deploy/secret-id', {}, ann.key),
      put('auth/approle/role/deploy/custom-secret-id', { secret_id: 'x'.repeat(30) }, ann.key),
      vault(stack, 'DELETE', 'auth/approle/role/deploy', { token: ann.key }),
    ];
    for (const { status } of await Promise.all(calls)) expect(status).toBe(403);
  });

  it('cannot be made to stand for the service of a key, whatever its name', async () => {
    // The admin of AppRoles would be whoever he likes, if a role could have the name of a stronger service.
    const strong = await stack.somebody('acme', 'approle-boss', ['admin']);
    for (const name of ['boss', 'approle-boss']) {
      const { roleId, secretId } = await approle(name);
      const { client_token: token, entity_id: who } = (await login(roleId, secretId)).body.auth;
      expect(who).toBe(`service/approle:${name}`);
      expect((await get('auth/approle/role?list=true', token)).status).toBe(403);
      expect((await get('auth/approle/role?list=true', strong.key)).status).toBe(200);
    }
    for (const name of ['approle:boss', '../boss', 'boss%2f..', 'a:b'])
      expect([400, 404]).toContain((await put(`auth/approle/role/${encodeURIComponent(name)}`, {})).status);
  });

  it('may what it was granted, and nothing before', async () => {
    const { roleId, secretId } = await approle('granted');
    const { client_token: token } = (await login(roleId, secretId)).body.auth;
    expect((await put('auth/token/create', {}, token)).status).toBe(403);
  });

  it('ends its tokens when it is switched off, and when it is removed; a new one of the name brings none back', async () => {
    const { roleId, secretId } = await approle('short');
    const { client_token: token } = (await login(roleId, secretId)).body.auth;
    expect((await self(token)).status).toBe(200);
    await put('auth/approle/role/short', { disabled: true });
    await waitFor(async () => (await self(token)).status === 403, { message: 'the token of a role that is off' });
    expect((await login(roleId, secretId)).body).toEqual(failed);
    await put('auth/approle/role/short', { disabled: false });
    await waitFor(async () => (await self(token)).status === 200, { message: 'the token of a role that is on again' });
    await vault(stack, 'DELETE', 'auth/approle/role/short', { token: admin.key });
    await waitFor(async () => (await self(token)).status === 403, { message: 'the token of a role that is gone' });
    await approle('short');
    expect((await self(token)).status).toBe(403);
    expect((await login(roleId, secretId)).body).toEqual(failed);
  });
});

describe('a secret id', () => {
  it('is used as often as it may be: of many at once, exactly as many log in', async () => {
    const { roleId, secretId } = await approle('counted', {}, { num_uses: 3 });
    const answers = await Promise.all(Array.from({ length: 12 }, () => login(roleId, secretId)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(3);
  });

  it('ends at its time, and works from its networks', async () => {
    const { roleId, secretId } = await approle('bound', {}, { ttl: '1s' });
    await waitFor(async () => (await login(roleId, secretId)).status === 400, { message: 'the secret id has ended' });
    const far = await approle('far', {}, { cidr_list: ['203.0.113.0/24'] });
    expect((await login(far.roleId, far.secretId)).body).toEqual(failed);
    const near = await approle('near', {}, { cidr_list: '127.0.0.0/8,::1', token_bound_cidrs: ['127.0.0.1', '::1'] });
    expect((await login(near.roleId, near.secretId)).status).toBe(200);
    const away = await approle('away', { token_bound_cidrs: ['203.0.113.0/24'] });
    expect((await login(away.roleId, away.secretId)).body).toEqual(failed);
  });

  it('is looked up, listed and destroyed by text and by accessor', async () => {
    const { roleId, secretId, accessor } = await approle('listed', {}, { metadata: '{"host": "ci-7"}' });
    const other = (await put('auth/approle/role/listed/secret-id', {})).body.data;
    expect((await get('auth/approle/role/listed/secret-id?list=true')).body.data.keys).toEqual([
      accessor,
      other.secret_id_accessor,
    ]);
    const looked = await put('auth/approle/role/listed/secret-id/lookup', { secret_id: secretId });
    expect(looked.body.data).toMatchObject({ secret_id_accessor: accessor, metadata: { host: 'ci-7' } });
    expect((await login(roleId, secretId)).body.auth.metadata).toEqual({ host: 'ci-7', role_name: 'listed' });
    await put('auth/approle/role/listed/secret-id/destroy', { secret_id: secretId });
    await put('auth/approle/role/listed/secret-id-accessor/destroy', { secret_id_accessor: other.secret_id_accessor });
    for (const text of [secretId, other.secret_id]) expect((await login(roleId, text)).body).toEqual(failed);
    expect((await eventsOf(stack, 'acme', 'secret_id.destroyed')).length).toBeGreaterThanOrEqual(2);
  });

  it('may be chosen, if it is no guess', async () => {
    const { roleId } = await approle('custom');
    const choose = (text: string) => put('auth/approle/role/custom/custom-secret-id', { secret_id: text });
    expect((await choose('password123')).status).toBe(400);
    expect((await choose('a-text-of-more-than-20-letters')).status).toBe(200);
    expect((await choose('a-text-of-more-than-20-letters')).status).toBe(400);
    expect((await login(roleId, 'a-text-of-more-than-20-letters')).status).toBe(200);
  });

  it('is wrapped for whoever needs it', async () => {
    const { roleId } = await approle('wrapped');
    const answer = await vault(
      stack,
      'PUT',
      'auth/approle/role/wrapped/secret-id',
      { token: admin.key, wrap: '5m' },
      {},
    );
    expect(answer.text).not.toContain('gvs_');
    const opened = await vault(stack, 'PUT', 'sys/wrapping/unwrap', { token: answer.body.wrap_info.token });
    expect((await login(roleId, opened.body.data.secret_id)).status).toBe(200);
  });
});

describe('a login', () => {
  it('may be wrapped, too', async () => {
    const { roleId, secretId } = await approle('wrapping');
    const body = { role_id: roleId, secret_id: secretId };
    const answer = await vault(stack, 'PUT', 'auth/approle/login', { wrap: '60s' }, body);
    expect(answer.body.auth).toBeNull();
    const opened = await vault(stack, 'PUT', 'sys/wrapping/unwrap', { token: answer.body.wrap_info.token });
    expect(opened.body.auth.accessor).toBe(answer.body.wrap_info.wrapped_accessor);
    expect((await self(opened.body.auth.client_token)).status).toBe(200);
  });

  it('that is wrong is answered the same, whatever was wrong, and told as event and refusal', async () => {
    const good = await approle('guessed');
    const other = await approle('not-guessed');
    const answers = [
      await login(good.roleId, other.secretId),
      await login(other.roleId, good.secretId),
      await login('a2e54f10-5f9a-4cde-8a42-6f1a53f0b2b1', good.secretId),
      await login(good.roleId, `gvs_${'A'.repeat(54)}`),
      await login(good.roleId, good.secretId, 'globex'),
      await login(good.roleId, good.secretId, 'nowhere'),
    ];
    for (const { status, body } of answers) expect([status, body]).toEqual([400, failed]);
    const event = await waitFor(async () =>
      (await eventsOf(stack, 'acme', 'login.failed')).find(({ data }) => data.name === 'guessed'),
    );
    expect(event).toMatchObject({
      data: { reason: 'secret_id', method: 'approle', count: 1 },
      actor: { id: 'approle:guessed' },
    });
  });

  it('is refused for a while after many that failed, from there and for that role alone', async () => {
    const { roleId, secretId } = await approle('hammered');
    const other = await approle('left-alone');
    const wrong = async () => (await login(roleId, 'wrong-secret-id-of-a-guesser')).status;
    await waitFor(async () => (await wrong()) === 429, { message: 'guessing is slowed down' });
    const refused = await login(roleId, secretId);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await login(other.roleId, other.secretId)).status).toBe(200);
    const told = (await eventsOf(stack, 'acme', 'login.failed')).filter(({ data }) => data.name === 'hammered');
    expect(told.length).toBeLessThanOrEqual(2);
    await stack.superuser.query('delete from vault.login_guesses');
  });

  it('of a role id that somebody chose needs the namespace, so that nobody stands in the way of another', async () => {
    const mine = await approle('own-id');
    const theirs = await approle('own-id', {}, {}, eve.key);
    // Eve takes the id of acme's role in her own tenant.
    expect((await put('auth/approle/role/own-id/role-id', { role_id: mine.roleId }, eve.key)).status).toBe(204);
    expect((await login(mine.roleId, mine.secretId)).body.auth.metadata.role_name).toBe('own-id');
    expect((await login(mine.roleId, mine.secretId, 'acme')).status).toBe(200);
    expect((await login(mine.roleId, theirs.secretId)).body).toEqual(failed);
    expect((await login(mine.roleId, theirs.secretId, 'acme')).body).toEqual(failed);
    expect((await login(mine.roleId, theirs.secretId, 'globex')).status).toBe(200);
  });
});

describe('a canary', () => {
  it('no secret id and no token of a login stands in the clear', async () => {
    const { roleId, secretId } = await approle('canary');
    const { client_token: token } = (await login(roleId, secretId)).body.auth;
    const stored = await everythingStored(stack);
    expect(stored).toContain(roleId);
    expect(stored).not.toContain(secretId.slice(4));
    expect(stored).not.toContain(token.slice(4));
  });
});
