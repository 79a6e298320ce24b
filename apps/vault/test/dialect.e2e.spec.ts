import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import NodeVault from 'node-vault';
import { type Somebody, startVaultStack, type VaultStack } from './vault-stack.fixture.js';

let stack: VaultStack;
let ann: Somebody;

beforeAll(async () => {
  stack = await startVaultStack();
  ann = await stack.somebody('acme', 'ann', ['developer']);
});

afterAll(() => stack?.stop());

const preflight = '/v1/sys/internal/ui/mounts/secret/app/db';
const denied = { errors: ['permission denied'] };

describe('callers of the dialect', () => {
  it('come with X-Vault-Token or a bearer', async () => {
    const byToken = await stack.call(preflight, { headers: { 'x-vault-token': ann.key, 'x-vault-request': 'true' } });
    const byBearer = await stack.call(preflight, { key: ann.key });
    expect([byToken.status, byBearer.status]).toEqual([200, 200]);
    expect(byToken.body).toMatchObject({
      request_id: expect.any(String),
      lease_id: '',
      renewable: false,
      lease_duration: 0,
      data: { path: 'secret/', type: 'kv', options: { version: '2' } },
      wrap_info: null,
      warnings: null,
      auth: null,
    });
  });

  it.each([
    ['nothing', {}],
    ['an empty token', { 'x-vault-token': '' }],
    ['a word', { 'x-vault-token': 'hvs.CAESIJ' }],
    ['an unknown key', { 'x-vault-token': `mas_${'A'.repeat(54)}` }],
    ['the key with more behind it', (key: string) => ({ 'x-vault-token': `${key}, ${key}` })],
    ['a wrong token beside a good bearer', (key: string) => ({ 'x-vault-token': 'x', authorization: `Bearer ${key}` })],
  ])('%s: permission denied', async (_name, headers) => {
    const sent = typeof headers === 'function' ? headers(ann.key) : headers;
    const answer = await stack.call(preflight, { headers: sent as Record<string, string> });
    expect([answer.status, answer.body]).toEqual([403, denied]);
    expect(answer.headers.get('www-authenticate')).toBeNull();
  });

  it('X-Vault-Namespace chooses a tenant, and not one of somebody else', async () => {
    const inNamespace = async (namespace: string, more = {}) =>
      (
        await stack.call(preflight, {
          headers: { 'x-vault-token': ann.key, 'x-vault-namespace': namespace, ...more },
        })
      ).status;
    expect(await inNamespace('acme/')).toBe(200);
    expect(await inNamespace('root')).toBe(200);
    expect(await inNamespace('acme', { 'x-tenant-id': 'acme' })).toBe(200);
    await stack.somebody('globex', 'eve', ['developer']);
    for (const other of ['globex', 'acme/globex', '../globex', 'nowhere'])
      expect(await inNamespace(other)).not.toBe(200);
    expect(await inNamespace('acme', { 'x-tenant-id': 'globex' })).toBe(400);
    expect(await inNamespace('globex', { 'x-tenant-id': 'acme' })).toBe(400);
  });
});

describe('answers of the dialect', () => {
  it('to what is not there: 404 without errors; to another method: 405', async () => {
    for (const path of ['/v1/', '/v1/cubbyhole/x', '/v1/sys/raw/core', '/v1/sys']) {
      const answer = await stack.call(path, { key: ann.key });
      expect([path, answer.status, answer.body]).toEqual([path, 404, { errors: [] }]);
    }
    const answer = await stack.call('/v1/sys/mounts', { key: ann.key, method: 'DELETE' });
    expect([answer.status, answer.body]).toEqual([405, { errors: ['unsupported operation'] }]);
  });

  it('know the mounts; 404 would mean the first version of KV, so an unknown one is denied', async () => {
    const answer = await stack.call('/v1/sys/internal/ui/mounts/kv/app', { key: ann.key });
    expect([answer.status, answer.body]).toEqual([403, denied]);
    const { body } = await stack.call('/v1/sys/mounts', { key: ann.key });
    expect(body['secret/']).toEqual(body.data['secret/']);
    expect((await stack.call('/v1/sys/internal/ui/mounts/__proto__/x', { key: ann.key })).status).toBe(403);
  });

  it('refuse a wrapping time that is none', async () => {
    const answer = await stack.call(preflight, { key: ann.key, headers: { 'x-vault-wrap-ttl': 'soon' } });
    expect(answer.status).toBe(400);
  });

  it('hold no unlisted route, and are in the API document', async () => {
    const { body } = await stack.call('/openapi.json');
    const shown = body.paths['/v1/sys/internal/ui/mounts/{path}'].get;
    expect(shown.parameters).toEqual([{ name: 'path', in: 'path', required: true, schema: { type: 'string' } }]);
    expect(Object.keys(shown.responses)).toEqual(expect.arrayContaining(['200', '403']));
    expect(shown.responses['401']).toBeUndefined();
  });
});

describe('what a caller may do', () => {
  it('is told by path, from decisions', async () => {
    const paths = [
      'secret/data/development/A',
      'secret/data/production/A',
      'secret/metadata/',
      'transit/encrypt/k',
      'sys/raw',
    ];
    const { body } = await stack.call('/v1/sys/capabilities-self', { key: ann.key, body: { paths } });
    expect(body.data).toMatchObject({
      'secret/data/development/A': ['create', 'patch', 'read', 'update'],
      'secret/data/production/A': ['deny'],
      'secret/metadata/': ['list', 'read'],
      'transit/encrypt/k': ['deny'],
      'sys/raw': ['deny'],
    });
    expect(body['secret/metadata/']).toEqual(['list', 'read']);
    for (const bad of [{}, { paths: [] }, { paths: Array(17).fill('a') }, { path: 'a', paths: ['a'] }])
      expect((await stack.call('/v1/sys/capabilities-self', { key: ann.key, body: bad })).status).toBe(400);
  });

  it('stands in roles, which are shown as policies and changed nowhere', async () => {
    const { body } = await stack.call('/v1/sys/policy', { key: ann.key });
    expect(body.policies).toContain('developer');
    expect((await stack.call('/v1/sys/policies/acl?list=true', { key: ann.key })).body.data.keys).toContain('admin');
    const read = await stack.call('/v1/sys/policies/acl/developer', { key: ann.key });
    expect(read.body.data.policy).toContain('secret.read');
    expect((await stack.call('/v1/sys/policy/toString', { key: ann.key })).status).toBe(404);
    expect((await stack.call('/v1/sys/policy/x', { key: ann.key, method: 'PUT', body: {} })).status).toBe(405);
  });
});

describe('the state of the vault', () => {
  const states = async (query = '') => {
    const [health, status, init] = await Promise.all(
      [`health${query}`, 'seal-status', 'init'].map((path) => stack.call(`/v1/sys/${path}`)),
    );
    return { code: health?.status, health: health?.body, status: status?.body, init: init?.body };
  };

  it('is told to everybody', async () => {
    expect(await states()).toMatchObject({
      code: 200,
      health: { initialized: true, sealed: false, standby: false, server_time_utc: expect.any(Number) },
      status: { initialized: true, sealed: false, t: 0, n: 0, progress: 0, type: 'file' },
      init: { initialized: true },
    });
    expect((await states('?activecode=299&standbyok=true')).code).toBe(299);
    expect((await states('?activecode=99')).code).toBe(400);
    const client = NodeVault({ endpoint: await stack.service.app.getUrl() });
    expect(await client.status()).toMatchObject({ sealed: false });
    expect(await client.health()).toMatchObject({ initialized: true });
  });

  it('sealed, it answers 503 in Vault’s words, and goes on', async () => {
    const { key } = ann;
    await stack.call('/v1/secret/data/development/A', { key, method: 'PUT', body: { data: { value: 'x' } } });
    await stack.restart({ SEAL_KEY_FILE: `${stack.folder}/none` });
    await waitFor(async () => (await stack.call(preflight, { key })).status === 200, { timeoutMs: 60_000 });
    expect(await states()).toMatchObject({ code: 503, health: { sealed: true }, status: { sealed: true } });
    expect((await states('?sealedcode=200')).code).toBe(200);
    const read = await stack.call('/v1/secret/data/development/A', { key });
    expect([read.status, read.body]).toEqual([503, { errors: ['Vault is sealed'] }]);
    await stack.restart();
    await waitFor(async () => (await stack.call('/v1/secret/data/development/A', { key })).status === 200, {
      timeoutMs: 60_000,
    });
  });
});
