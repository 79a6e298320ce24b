import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Somebody, startVaultStack, type VaultStack } from './vault-stack.fixture.js';

let stack: VaultStack;
let admin: Somebody;
let developer: Somebody;

beforeAll(async () => {
  stack = await startVaultStack();
  admin = await stack.somebody('acme', 'admin-1', ['admin']);
  developer = await stack.somebody('acme', 'developer-07', ['developer']);
}, 60_000);

afterAll(() => stack?.stop());

const base = '/api/v1/vault';
const as =
  ({ key }: Somebody) =>
  (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
    stack.call(`${base}${path}`, { key, method, ...(body !== undefined && { body }), ...(headers && { headers }) });

describe('the API of secrets', () => {
  it('writes a value and gives it back with its reference', async () => {
    const call = as(admin);
    const written = await call('PUT', '/secrets/production/DATABASE_URL', { value: 'postgres://x' });
    expect(written.status).toBe(200);
    expect(written.body).toMatchObject({
      version: 1,
      reference: 'secret://acme/production/database_url',
      warnings: [],
      createdBy: { type: 'service', id: 'admin-1' },
    });
    expect(written.headers.get('etag')).toBe('"1"');
    expect(JSON.stringify(written.body)).not.toContain('postgres://x');
    const read = await call('GET', '/secrets/production/DATABASE_URL');
    expect(read.body).toMatchObject({ version: 1, value: 'postgres://x', data: { value: 'postgres://x' } });
    expect(read.headers.get('cache-control')).toBe('no-store');
    const resolved = await call('GET', '/resolve?reference=secret%3A%2F%2Facme%2Fproduction%2Fdatabase_url');
    expect(resolved.body).toMatchObject({ path: 'production/DATABASE_URL', value: 'postgres://x' });
  }, 30_000);

  it('takes bytes and objects, and nothing that is neither', async () => {
    const call = as(admin);
    await call('POST', '/secrets/bytes', { valueBase64: 'AP8=' });
    expect((await call('GET', '/secrets/bytes')).body).toMatchObject({ valueBase64: 'AP8=' });
    await call('POST', '/secrets/object', { data: { user: 'a', password: 'b' } });
    expect((await call('GET', '/secrets/object')).body.data).toEqual({ user: 'a', password: 'b' });
    for (const body of [{}, { value: 1 }, { value: 'a', data: {} }, { valueBase64: '%' }, { value: 'a', cas: -1 }])
      expect((await call('PUT', '/secrets/wrong', body)).status).toBe(400);
    expect((await call('PUT', '/secrets/large', { value: 'x'.repeat(1_100_000) })).status).toBe(413);
  }, 30_000);

  it('warns of names that cannot be referenced, or not unambiguously', async () => {
    const call = as(admin);
    const dashed = await call('PUT', '/secrets/production/api-key', { value: 'x' });
    expect(dashed.body).toMatchObject({ reference: null, warnings: [expect.stringContaining('[A-Za-z0-9_]')] });
    await call('PUT', '/secrets/staging/Token', { value: 'x' });
    const rival = await call('PUT', '/secrets/staging/TOKEN', { value: 'y' });
    expect(rival.body.warnings).toEqual([expect.stringContaining('staging/Token')]);
    const reference = encodeURIComponent('secret://acme/staging/token');
    const ambiguous = await call('GET', `/resolve?reference=${reference}`);
    expect(ambiguous).toMatchObject({ status: 409, body: { code: 'reference_ambiguous' } });
    expect(ambiguous.body.paths).toEqual(['staging/TOKEN', 'staging/Token']);
  }, 30_000);

  it('answers what is deleted, expired or destroyed as such, and shows the versions', async () => {
    const call = as(admin);
    const path = '/secrets/life/X';
    await call('PUT', path, { value: 'one' });
    await call('PUT', path, { value: 'two' });
    expect((await call('DELETE', path)).body.versions['2'].deletedAt).not.toBeNull();
    expect(await call('GET', path)).toMatchObject({ status: 404, body: { code: 'version_deleted' } });
    expect((await call('GET', `${path}?version=1`)).status).toBe(200);
    expect((await call('POST', '/undelete/life/X', { versions: [2] })).status).toBe(200);
    expect((await call('GET', path)).body.value).toBe('two');
    await call('POST', '/destroy/life/X', { versions: [2] });
    expect(await call('GET', path)).toMatchObject({ status: 404, body: { code: 'version_destroyed' } });
    const metadata = await call('GET', '/metadata/life/X');
    expect(metadata.body).toMatchObject({ currentVersion: 2, versions: { '2': { destroyed: true } } });
    expect((await call('DELETE', '/metadata/life/X')).body).toEqual({ path: 'life/X', forgotten: true });
    expect((await call('GET', `${path}?version=1`)).status).toBe(404);
  }, 30_000);

  it('does a repeated write once, and refuses one that has not seen the latest', async () => {
    const call = as(admin);
    const again = { 'idempotency-key': 'write-1-of-test' };
    const first = await call('PUT', '/secrets/once', { value: 'a' }, again);
    const second = await call('PUT', '/secrets/once', { value: 'a' }, again);
    expect([first.body.version, second.body.version]).toEqual([1, 1]);
    expect((await call('PUT', '/secrets/other', { value: 'a' }, again)).body.code).toBe('idempotency_key_reused');
    expect((await call('PUT', '/secrets/once', { value: 'b' }, { 'if-match': '"7"' })).status).toBe(412);
    expect((await call('PUT', '/secrets/once', { value: 'b' }, { 'if-match': '"1"' })).body.version).toBe(2);
    expect((await call('PUT', '/secrets/once', { value: 'c', cas: 1 })).body.code).toBe('check_and_set');
    const racing = { 'idempotency-key': 'write-2-of-test' };
    const both = await Promise.all([1, 2, 3].map(() => call('PUT', '/secrets/raced', { value: 'a' }, racing)));
    expect(both.map(({ body }) => body.version)).toEqual([1, 1, 1]);
  }, 30_000);

  it('lists by prefix, a page at a time, folders once', async () => {
    const call = as(admin);
    for (const path of ['l/a', 'l/b/c', 'l/b/d', 'l/b-', 'l/b', 'l/z'])
      await call('PUT', `/secrets/${path}`, { value: 'x' });
    const list = async (query: string) => (await call('GET', `/secrets?${query}`)).body;
    expect((await list('prefix=l/')).keys).toEqual(['a', 'b', 'b-', 'b/', 'z']);
    expect((await list('prefix=l&recursive=true')).keys).toEqual(['a', 'b', 'b-', 'b/c', 'b/d', 'z']);
    const seen: string[] = [];
    for (let cursor = ''; ; ) {
      const { keys, nextCursor } = await list(`prefix=l/&limit=1${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
      seen.push(...keys);
      if (nextCursor === null) break;
      cursor = nextCursor;
    }
    expect(seen).toEqual(['a', 'b', 'b-', 'b/', 'z']);
  }, 30_000);

  it('refuses whoever may not, in the same words whether or not something is there', async () => {
    const call = as(developer);
    const there = await call('GET', '/secrets/production/DATABASE_URL');
    const not = await call('GET', '/secrets/production/NOTHING_HERE');
    const plain = ({ body }: { body: Record<string, unknown> }) => ({ ...body, traceId: '' });
    expect(there.status).toBe(403);
    expect(plain(there)).toEqual(plain(not));
    expect((await call('PUT', '/secrets/production/DATABASE_URL', { value: 'mine' })).status).toBe(403);
    expect((await call('DELETE', '/secrets/production/DATABASE_URL')).status).toBe(403);
    const reference = encodeURIComponent('secret://acme/production/database_url');
    expect((await call('GET', `/resolve?reference=${reference}`)).status).toBe(403);
    const none = encodeURIComponent('secret://acme/production/nothing_here');
    expect((await call('GET', `/resolve?reference=${none}`)).status).toBe(403);
    expect((await call('GET', `/resolve?reference=${encodeURIComponent('secret://globex/a/b')}`)).status).toBe(400);
    expect((await call('PUT', '/secrets/staging/MINE', { value: 'x' })).status).toBe(200);
    expect((await stack.call(`${base}/secrets/production/DATABASE_URL`)).status).toBe(401);
  }, 30_000);

  it('refuses paths that are none', async () => {
    const call = as(admin);
    for (const path of ['a%2F%2Fb', 'a%2F..%2Fb', '%00', 'a/', `${'x/'.repeat(64)}x`, 'y'.repeat(513), '%ED%A0%80'])
      expect([path, (await call('GET', `/secrets/${path}`)).status]).toEqual([path, 400]);
    const long = `${'y'.repeat(500)}`;
    expect((await call('PUT', `/secrets/${long}`, { value: 'x' })).status).toBe(200);
    expect((await call('GET', `/secrets/${long}`)).status).toBe(200);
  }, 30_000);

  it('keeps the settings of a secret and those of the tenant', async () => {
    const call = as(admin);
    expect((await call('PUT', '/config', { casRequired: true })).body.casRequired).toBe(true);
    expect((await call('PUT', '/secrets/strict', { value: 'x' })).body.code).toBe('check_and_set_required');
    expect((await call('PUT', '/secrets/strict', { value: 'x', cas: 0 })).status).toBe(200);
    await call('PUT', '/config', { casRequired: false });
    await call('PUT', '/metadata/strict', { maxVersions: 2, customMetadata: { owner: 'team-a', ticket: '7' } });
    const patched = await call('PATCH', '/metadata/strict', { customMetadata: { ticket: null } });
    expect(patched.body).toMatchObject({ maxVersions: 2, customMetadata: { owner: 'team-a' } });
    for (const value of ['y', 'z']) await call('PUT', '/secrets/strict', { value });
    expect(Object.keys((await call('GET', '/metadata/strict')).body.versions)).toEqual(['2', '3']);
    const { rows } = await stack.superuser.query(`select envelope from vault.events where envelope like '%team-a%'`);
    expect(rows).toEqual([]);
  }, 30_000);

  it('describes itself', async () => {
    const { body } = await stack.call('/openapi.json');
    expect(Object.keys(body.paths)).toEqual(expect.arrayContaining(['/api/v1/vault/resolve', '/api/v1/vault/config']));
  }, 30_000);
});
