import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
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

const as = (who: Somebody, path: string, method = 'GET', body?: unknown, headers = {}) =>
  stack.call(`/v1/${path}`, {
    method,
    ...(body !== undefined && { body }),
    headers: { 'x-vault-token': who.key, ...headers },
  });

const write = (path: string, data: unknown) => as(ann, `secret/data/${path}`, 'PUT', { data });

/** Writes to an address as it stands: `fetch` would tidy it up first. */
const exactly = async (path: string) => {
  const { hostname, port } = new URL(await stack.service.app.getUrl());
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const headers = { 'x-vault-token': ann.key };
    const out = request({ hostname, port, path, method: 'POST', headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    out.on('error', reject).end(JSON.stringify({ data: { value: 'x' } }));
  });
};

describe('KV, as curl and Go send it', () => {
  it('takes JSON whatever the content type says, and none', async () => {
    const url = `${await stack.service.app.getUrl()}/v1/secret/data/types/`;
    const types = [
      'application/json',
      'application/x-www-form-urlencoded',
      'text/plain',
      'application/octet-stream',
      '',
    ];
    for (const [i, type] of types.entries()) {
      const body = new TextEncoder().encode(JSON.stringify({ data: { value: type } }));
      const headers = { 'x-vault-token': ann.key, ...(type && { 'content-type': type }) };
      expect([type, (await fetch(`${url}t${i}`, { method: 'POST', headers, body })).status]).toEqual([type, 200]);
      expect((await as(ann, `secret/data/types/t${i}`)).body.data.data).toEqual({ value: type });
    }
  });

  it('takes numbers as texts, where the command line sends them so', async () => {
    for (const value of ['1', '2', '3']) await write('cli/a', { value });
    for (const versions of [['1', '2'], [1, 2], '1,2']) {
      expect((await as(ann, 'secret/delete/cli/a', 'PUT', { versions })).status).toBe(204);
      expect((await as(ann, 'secret/data/cli/a?version=2')).status).toBe(404);
      expect((await as(ann, 'secret/undelete/cli/a', 'PUT', { versions })).status).toBe(204);
      expect((await as(ann, 'secret/data/cli/a?version=2')).status).toBe(200);
    }
  });

  it('204 for what is not there to be deleted', async () => {
    expect((await as(ann, 'secret/data/none/x', 'DELETE')).status).toBe(204);
    expect((await as(ann, 'secret/destroy/none/x', 'PUT', { versions: [1] })).status).toBe(204);
    expect((await as(ann, 'secret/metadata/none/x', 'DELETE')).status).toBe(204);
    expect((await as(ann, 'secret/metadata/none/x', 'PATCH', { max_versions: 3 })).status).toBe(404);
  });

  it('the names in a version, to a depth', async () => {
    await write('deep', { a: { b: { c: 1 } }, d: 'x', e: {} });
    const { body } = await as(ann, 'secret/subkeys/deep');
    expect(body.data.subkeys).toEqual({ a: { b: { c: null } }, d: null, e: null });
    expect(body.data.metadata.version).toBe(1);
    expect((await as(ann, 'secret/subkeys/deep?depth=1')).body.data.subkeys).toEqual({ a: null, d: null, e: null });
    await as(ann, 'secret/data/deep', 'DELETE');
    const gone = await as(ann, 'secret/subkeys/deep');
    expect([gone.status, gone.body.data.subkeys]).toEqual([404, null]);
  });

  it('SCAN names at every depth, and the metadata beside the names', async () => {
    for (const path of ['scan/a', 'scan/b/c', 'scan/b/d/e']) await write(path, { value: 'x' });
    expect((await as(ann, 'secret/metadata/scan?scan=true')).body.data.keys).toEqual(['a', 'b/c', 'b/d/e']);
    const { data } = (await as(ann, 'secret/detailed-metadata/scan?list=true')).body;
    expect(data.keys).toEqual(['a', 'b/']);
    expect(data.key_info).toMatchObject({ a: { current_version: 1 } });
    expect((await as(ann, 'secret/metadata/scan?list=true&limit=1')).body.data.keys).toEqual(['a']);
    expect((await as(ann, 'secret/metadata/scan?list=true&after=a')).body.data.keys).toEqual(['b/']);
  });

  it('warns of a name that cannot be mounted, once', async () => {
    expect((await write('warn/db-password', { value: 'x' })).body.warnings).toHaveLength(1);
    expect((await write('warn/db-password', { value: 'y' })).body.warnings).toBeNull();
    expect((await write('warn/DB_PASSWORD', { value: 'x' })).body.warnings).toBeNull();
  });

  it('wants check-and-set where the secret asks for it', async () => {
    await as(ann, 'secret/metadata/cas/x', 'POST', { cas_required: true });
    const refused = await write('cas/x', { value: 'a' });
    expect([refused.status, refused.body.errors]).toEqual([400, ['check-and-set parameter required for this call']]);
    expect((await as(ann, 'secret/data/cas/x', 'POST', { options: { cas: '0' }, data: { a: 1 } })).status).toBe(200);
  });
});

describe('what must not get in', () => {
  it.each([
    ['no data', '{}', 'body.data: no data provided'],
    ['null as data', '{"data": null}', 'body.data: no data provided'],
    ['a list as data', '{"data": [1]}', 'body.data: no data provided'],
    ['a text as data', '{"data": "x"}', 'body.data: no data provided'],
    ['a list as body', '[]', expect.stringContaining('body')],
    ['no JSON', 'value=x', 'The body is not JSON'],
    ['a name twice', '{"data": {"a": 1, "a": 2}}', 'A name is there twice in one object'],
    ['__proto__', '{"data": {"__proto__": {"admin": true}}}', 'The name __proto__ is not taken'],
    [
      'a number too long',
      '{"data": {"n": 12345678901234567890}}',
      'A number cannot be kept exactly: send it as a text',
    ],
    ['a negative cas', '{"options": {"cas": -1}, "data": {}}', expect.stringContaining('body.options.cas')],
    ['half a cas', '{"options": {"cas": 1.5}, "data": {}}', expect.stringContaining('body.options.cas')],
  ])('%s', async (_name, body, message) => {
    const answer = await as(ann, 'secret/data/bad/x', 'POST', body);
    expect([answer.status, answer.body]).toEqual([400, { errors: [message] }]);
    expect((await as(ann, 'secret/data/bad/x')).status).toBe(404);
  });

  it('names of JavaScript’s own objects are names like any other', async () => {
    const data = { constructor: { prototype: 'p' }, toString: 't', hasOwnProperty: 'h', value: 'v' };
    expect((await write('js/x', data)).status).toBe(200);
    expect((await as(ann, 'secret/data/js/x')).text).toContain(`"data":${JSON.stringify(data)}`);
    expect((await write('__proto__/constructor', { value: 'v' })).status).toBe(200);
    expect((await as(ann, 'secret/metadata/__proto__?list=true')).body.data.keys).toEqual(['constructor']);
    const custom = { custom_metadata: { constructor: 'c', toString: 't' } };
    expect((await as(ann, 'secret/metadata/js/x', 'POST', custom)).status).toBe(204);
    expect((await as(ann, 'secret/metadata/js/x')).body.data.custom_metadata).toEqual(custom.custom_metadata);
  });

  it('a body over the limit', async () => {
    const answer = await write('big/x', { value: 'x'.repeat(600_000) });
    expect([answer.status, Array.isArray(answer.body.errors)]).toEqual([413, true]);
    expect((await write('big/x', { value: 'x'.repeat(400_000) })).status).toBe(200);
  });

  it.each([
    'a//b',
    'a/%2e%2e/b',
    '%2e%2e/b',
    'a/%2E/b',
    'a%2f%2e%2e%2fb',
    'a%00b',
    'a%0ab',
    'a/',
    `${'x'.repeat(300)}/${'x'.repeat(300)}`,
  ])('the path %s', async (path) => {
    const { status, text } = await exactly(`/v1/secret/data/${path}`);
    expect(status).toBe(400);
    expect(JSON.parse(text).errors).toHaveLength(1);
  });

  it('an encoded slash is a slash, as in Go', async () => {
    await write('slash/inner', { value: 'x' });
    expect((await as(ann, 'secret/data/slash%2finner')).body.data.data).toEqual({ value: 'x' });
    expect((await as(ann, 'secret%2fdata/slash/inner')).status).toBe(404);
  });

  it.each([
    ['a version that is none', 'secret/data/q/x?version=latest'],
    ['two versions', 'secret/data/q/x?version=1&version=2'],
    ['a list that is no truth value', 'secret/metadata/q?list=yes'],
    ['a limit too large', 'secret/metadata/q?list=true&limit=100000'],
    ['a query that is not known', 'secret/data/q/x?versoin=1'],
  ])('%s', async (_name, path) => {
    expect((await as(ann, path)).status).toBe(400);
  });

  it.each([
    ['an unknown time', { delete_version_after: 'soon' }],
    ['too many versions', { max_versions: 1_001 }],
    ['custom metadata that is no text', { custom_metadata: { a: 1 } }],
    [
      'too much custom metadata',
      { custom_metadata: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, 'v'])) },
    ],
    ['a long name', { custom_metadata: { ['k'.repeat(129)]: 'v' } }],
  ])('metadata with %s', async (_name, body) => {
    expect((await as(ann, 'secret/metadata/bad/meta', 'POST', body)).status).toBe(400);
  });
});

describe('tenants', () => {
  it('do not see, write, list or remove each other’s secrets', async () => {
    await write('shared/NAME', { value: 'of acme' });
    expect((await as(eve, 'secret/data/shared/NAME')).status).toBe(404);
    expect((await as(eve, 'secret/metadata/shared?list=true')).status).toBe(404);
    expect((await as(eve, 'secret/data/shared/NAME', 'POST', { data: { value: 'of globex' } })).body.data.version).toBe(
      1,
    );
    expect((await as(eve, 'secret/metadata/shared/NAME', 'DELETE')).status).toBe(204);
    expect((await as(ann, 'secret/data/shared/NAME')).body.data.data).toEqual({ value: 'of acme' });
  });

  it('are not reached by naming another namespace', async () => {
    const headers = { 'x-vault-namespace': 'acme' };
    for (const [path, method, body] of [
      ['secret/data/shared/NAME', 'GET', undefined],
      ['secret/data/shared/NAME', 'POST', { data: { value: 'x' } }],
      ['secret/metadata/shared?list=true', 'GET', undefined],
      ['secret/metadata/shared/NAME', 'DELETE', undefined],
    ] as const) {
      expect((await as(eve, path, method, body, headers)).status).toBe(403);
    }
    expect((await as(ann, 'secret/data/shared/NAME')).body.data.data).toEqual({ value: 'of acme' });
  });

  it('a viewer reads nothing, and is not told what there is', async () => {
    const vic = await stack.somebody('acme', 'vic', ['viewer']);
    for (const path of ['shared/NAME', 'shared/NOTHING']) {
      const answer = await as(vic, `secret/data/${path}`);
      expect([answer.status, answer.body]).toEqual([403, { errors: ['permission denied'] }]);
    }
  });
});
