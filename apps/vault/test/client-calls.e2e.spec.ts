import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Somebody, startVaultStack, type VaultStack } from './vault-stack.fixture.js';

let stack: VaultStack;
let ann: Somebody;

beforeAll(async () => {
  stack = await startVaultStack();
  ann = await stack.somebody('acme', 'ann', ['admin']);
});

afterAll(() => stack?.stop());

interface GoAnswer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers of every route, of which each test reads what it knows
  readonly body: any;
}

/** As Go's client of Vault sends: PUT for writes, no content type, and its own headers. */
async function go(method: string, path: string, body?: unknown, more: Record<string, string> = {}): Promise<GoAnswer> {
  const { hostname, port } = new URL(await stack.service.app.getUrl());
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    'User-Agent': 'Go-http-client/1.1',
    'X-Vault-Request': 'true',
    'X-Vault-Token': ann.key,
    'Accept-Encoding': 'gzip',
    ...(text !== undefined && { 'Content-Length': String(Buffer.byteLength(text)) }),
    ...more,
  };
  return new Promise((resolve, reject) => {
    const out = request({ hostname, port, path: `/v1/${path}`, method, headers }, (response) => {
      let answer = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        answer += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: answer === '' ? undefined : JSON.parse(answer) }),
      );
    });
    out.on('error', reject).end(text);
  });
}

const preflight = async (path: string) => {
  const { status, body } = await go('GET', `sys/internal/ui/mounts/${path}`);
  expect([status, body.data.path, body.data.options]).toEqual([200, 'secret/', { version: '2' }]);
};

describe('the calls of the command line `vault`', () => {
  it('kv put, get, patch, rollback', async () => {
    await preflight('secret/app/db');
    const put = await go('PUT', 'secret/data/app/db', { data: { user: 'a', pass: 'b' }, options: {} });
    expect([put.status, put.body.data.version]).toEqual([200, 1]);
    expect((await go('PUT', 'secret/data/app/db', { data: { pass: 'c' }, options: { cas: 0 } })).status).toBe(400);
    const patch = { data: { pass: 'd' }, options: {} };
    const merge = { 'Content-Type': 'application/merge-patch+json' };
    expect((await go('PATCH', 'secret/data/app/db', patch, merge)).body.data.version).toBe(2);
    expect((await go('GET', 'secret/data/app/db')).body.data.data).toEqual({ user: 'a', pass: 'd' });
    const old = (await go('GET', 'secret/data/app/db?version=1')).body.data.data;
    expect((await go('PUT', 'secret/data/app/db', { data: old, options: { cas: 2 } })).body.data.version).toBe(3);
    expect((await go('GET', 'secret/data/app/nothing')).status).toBe(404);
  });

  it('kv list, delete, undelete, destroy', async () => {
    await preflight('secret');
    const list = await go('GET', 'secret/metadata/app?list=true');
    expect([list.status, list.body.data.keys]).toEqual([200, ['db']]);
    expect((await go('GET', 'secret/metadata/nothing?list=true')).body).toEqual({ errors: [] });
    expect((await go('DELETE', 'secret/data/app/db')).status).toBe(204);
    const gone = await go('GET', 'secret/data/app/db');
    expect([gone.status, gone.body.data.data, gone.body.data.metadata.version]).toEqual([404, null, 3]);
    expect((await go('PUT', 'secret/undelete/app/db', { versions: ['3'] })).status).toBe(204);
    expect((await go('PUT', 'secret/delete/app/db', { versions: ['1', '2'] })).status).toBe(204);
    expect((await go('PUT', 'secret/destroy/app/db', { versions: ['1'] })).status).toBe(204);
    const { versions } = (await go('GET', 'secret/metadata/app/db')).body.data;
    expect([versions[1].destroyed, versions[2].deletion_time !== '', versions[3].deletion_time]).toEqual([
      true,
      true,
      '',
    ]);
  });

  it('kv metadata get, put, patch, delete', async () => {
    const change = { max_versions: 4, cas_required: false, delete_version_after: '0s', custom_metadata: { team: 'a' } };
    expect((await go('PUT', 'secret/metadata/app/meta', change)).status).toBe(204);
    const merge = { 'Content-Type': 'application/merge-patch+json' };
    expect((await go('PATCH', 'secret/metadata/app/meta', { custom_metadata: { owner: 'b' } }, merge)).status).toBe(
      204,
    );
    expect((await go('GET', 'secret/metadata/app/meta')).body.data).toMatchObject({
      ...{ cas_required: false, current_version: 0, max_versions: 4, delete_version_after: '0s' },
      custom_metadata: { team: 'a', owner: 'b' },
    });
    expect((await go('DELETE', 'secret/metadata/app/meta')).status).toBe(204);
    expect((await go('GET', 'secret/metadata/app/meta')).status).toBe(404);
  });

  it('write, which sends every value as a text', async () => {
    expect((await go('PUT', 'secret/config', { max_versions: '7', cas_required: 'false' })).status).toBe(204);
    expect((await go('GET', 'secret/config')).body.data).toMatchObject({ max_versions: 7, cas_required: false });
    expect((await go('PUT', 'transit/keys/cli', undefined)).status).toBe(200);
    expect((await go('PUT', 'transit/keys/cli/rotate', undefined)).status).toBe(200);
    const config = { min_decryption_version: '2', deletion_allowed: 'true' };
    expect((await go('PUT', 'transit/keys/cli/config', config)).status).toBe(200);
    const made = await go('PUT', 'transit/encrypt/cli', { plaintext: 'eA==', key_version: '2' });
    expect(made.body.data.ciphertext).toMatch(/^vault:v2:/);
    expect((await go('PUT', 'transit/datakey/wrapped/cli', { bits: '128' })).status).toBe(200);
    expect((await go('PUT', 'transit/keys/cli2', { type: 'aes256-gcm96', derived: 'true' })).status).toBe(200);
    expect((await go('DELETE', 'transit/keys/cli')).status).toBe(204);
  });

  it('policy list and read, secrets list', async () => {
    expect((await go('GET', 'sys/policies/acl?list=true')).body.data.keys).toContain('viewer');
    expect((await go('GET', 'sys/policies/acl/viewer')).body.data.name).toBe('viewer');
    expect((await go('GET', 'sys/mounts')).body.data['secret/'].options.version).toBe('2');
  });
});

describe('the calls of External Secrets Operator', () => {
  it('push: reads, writes with the version it saw, and marks what it manages', async () => {
    const path = 'eso/pushed';
    expect((await go('GET', `secret/data/${path}`)).body).toEqual({ errors: [] });
    expect((await go('GET', `secret/metadata/${path}`)).body).toEqual({ errors: [] });
    const mark = { custom_metadata: { 'managed-by': 'external-secrets' } };
    expect((await go('PUT', `secret/metadata/${path}`, mark)).status).toBe(204);
    expect((await go('PUT', `secret/data/${path}`, { data: { key: 'v' }, options: { cas: 0 } })).status).toBe(200);
    expect((await go('GET', `secret/metadata/${path}`)).body.data.custom_metadata).toEqual(mark.custom_metadata);
    const seen = (await go('GET', `secret/data/${path}`)).body.data;
    expect(seen.metadata.custom_metadata).toEqual(mark.custom_metadata);
    const again = { data: { ...seen.data, more: 'w' }, options: { cas: seen.metadata.version } };
    expect((await go('PUT', `secret/data/${path}`, again)).body.data.version).toBe(2);
    expect((await go('PUT', `secret/data/${path}`, again)).status).toBe(400);
  });

  it('get: one value, all values, a version, the metadata instead', async () => {
    const { data, metadata } = (await go('GET', 'secret/data/eso/pushed')).body.data;
    expect([data, metadata.version]).toEqual([{ key: 'v', more: 'w' }, 2]);
    expect((await go('GET', 'secret/data/eso/pushed?version=1')).body.data.data).toEqual({ key: 'v' });
    expect((await go('GET', 'secret/metadata/eso/pushed')).body.data).toMatchObject({
      ...{ created_time: expect.any(String), current_version: 2, delete_version_after: expect.any(String) },
    });
  });

  it('find: walks the folders by LIST', async () => {
    await go('PUT', 'secret/data/eso/folder/inner', { data: { key: 'x' } });
    const walk = async (path: string): Promise<readonly string[]> => {
      const { keys } = (await go('GET', `secret/metadata/${path}?list=true`)).body.data as { keys: readonly string[] };
      const found = await Promise.all(keys.map((key) => (key.endsWith('/') ? walk(path + key) : [path + key])));
      return found.flat();
    };
    expect(await walk('eso/')).toEqual(['eso/folder/inner', 'eso/pushed']);
  });

  it('delete: the versions, then the metadata', async () => {
    expect((await go('DELETE', 'secret/data/eso/pushed')).status).toBe(204);
    expect((await go('DELETE', 'secret/metadata/eso/pushed')).status).toBe(204);
    expect((await go('GET', 'secret/data/eso/pushed')).body).toEqual({ errors: [] });
  });
});
