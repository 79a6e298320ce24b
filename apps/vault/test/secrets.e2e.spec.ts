import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { contextOf } from '../src/asker.js';
import { SecretConfigs } from '../src/secret/config/secret-configs.js';
import { SecretAccess, type SecretParts } from '../src/secret/secret-access.js';
import { SecretLog } from '../src/secret/secret-log.js';
import { Secrets } from '../src/secret/secrets.js';
import { askerOf } from './asker.fixture.js';
import { type Somebody, startVaultStack, type VaultStack } from './vault-stack.fixture.js';

let stack: VaultStack;
/** Of a tenant of its own: what is written without HTTP is in nobody's way. */
let keeper: Somebody;
let admin: Somebody;
let developer: Somebody;

beforeAll(async () => {
  stack = await startVaultStack();
  keeper = await stack.somebody('initech', 'admin-1', ['admin']);
  admin = await stack.somebody('acme', 'admin-1', ['admin']);
  developer = await stack.somebody('acme', 'developer-07', ['developer']);
});

afterAll(() => stack?.stop());

const secrets = () => stack.service.app.get(Secrets, { strict: false });

/** What policy recorded of reads of a path, in order. */
const notedReads = async (path: string) => {
  const { rows } = await stack.superuser.query(
    `select (data->'noted'->>'version')::int as version, data->'noted'->>'secretId' as "secretId"
     from (select envelope::jsonb->'data' as data, tx, seq from policy.events where type = 'decision.recorded') d
     where data->>'action' = 'secret.read' and data->'resource'->>'id' = $1 order by tx, seq`,
    [path],
  );
  return rows as readonly { readonly version: number; readonly secretId: string | null }[];
};

describe('the vault', () => {
  it('is ready, and knows its callers', async () => {
    // Readiness is remembered for a moment: the one from before the seal opened may still be told.
    await waitFor(async () => (await stack.call('/readyz')).status === 200, { message: 'the vault is ready' });
    expect((await stack.call('/api/v1/vault/whoami')).status).toBe(401);
    const ann = await stack.somebody('acme', 'ann', ['developer']);
    expect((await stack.call('/api/v1/vault/whoami', { key: ann.key })).body).toEqual({
      type: 'service',
      id: 'ann',
      tenantId: 'acme',
    });
  });
});

describe('secrets', () => {
  it('are written, read, listed, deleted, restored, destroyed and forgotten', async () => {
    const asker = askerOf(keeper);
    const first = await secrets().write(asker, 'production/DATABASE_URL', { value: 'postgres://one' });
    expect(first).toMatchObject({ version: 1, destroyed: false, deletedAt: null, revision: 1 });
    const second = await secrets().write(asker, 'production/DATABASE_URL', { value: 'two' }, { cas: 1 });
    expect(second).toMatchObject({ version: 2, secretId: first.secretId });
    await expect(secrets().write(asker, 'production/DATABASE_URL', {}, { cas: 1 })).rejects.toMatchObject({
      code: 'check_and_set',
    });
    const read = (version?: number) => secrets().read(asker, 'production/DATABASE_URL', { version });
    expect(await read()).toMatchObject({ version: 2, data: { value: 'two' } });
    expect(await read(1)).toMatchObject({ version: 1, data: { value: 'postgres://one' } });
    await expect(read(3)).rejects.toMatchObject({ code: 'not_found' });
    expect((await secrets().list(asker, '')).keys).toEqual(['production/']);
    expect((await secrets().list(asker, 'production/')).keys).toEqual(['DATABASE_URL']);
    await secrets().remove(asker, 'production/DATABASE_URL');
    expect(await read()).toMatchObject({ version: 2, data: null });
    await secrets().restore(asker, 'production/DATABASE_URL', [2]);
    expect(await read()).toMatchObject({ data: { value: 'two' } });
    await secrets().destroy(asker, 'production/DATABASE_URL', [1]);
    expect(await read(1)).toMatchObject({ destroyed: true, data: null });
    await secrets().putMetadata(asker, 'production/DATABASE_URL', { customMetadata: { owner: 'ann' }, maxVersions: 3 });
    expect(await secrets().metadata(asker, 'production/DATABASE_URL')).toMatchObject({
      currentVersion: 2,
      maxVersions: 3,
      customMetadata: { owner: 'ann' },
    });
    expect(await secrets().patch(asker, 'production/DATABASE_URL', { user: 'app' })).toMatchObject({ version: 3 });
    expect((await read()).data).toEqual({ value: 'two', user: 'app' });
    await secrets().forget(asker, 'production/DATABASE_URL');
    await expect(read()).rejects.toMatchObject({ code: 'not_found' });
    const again = await secrets().write(asker, 'production/DATABASE_URL', { value: 'new' }, { cas: 0 });
    expect(again).toMatchObject({ version: 1 });
    expect(again.secretId).not.toBe(first.secretId);
  });

  it('are read after a recorded decision that names the version, and denied ones are recorded too', async () => {
    const viewer = await stack.somebody('initech', 'viewer-1', ['viewer']);
    await secrets().write(askerOf(keeper), 'production/API_KEY', { value: 'canary-value' });
    await secrets().read(askerOf(keeper), 'production/API_KEY');
    await expect(secrets().read(askerOf(viewer), 'production/API_KEY')).rejects.toMatchObject({ code: 'forbidden' });
    await expect(secrets().read(askerOf(viewer), 'production/NONE')).rejects.toMatchObject({ code: 'forbidden' });
    const { rows } = await stack.superuser.query<{ data: Record<string, unknown> }>(
      `select envelope::jsonb->'data' as data from policy.events
       where type = 'decision.recorded' and envelope like '%secret.read%' and envelope like '%production/%' order by tx, seq`,
    );
    const told = rows.map(({ data }) => [
      (data.subject as { id: string }).id,
      data.decision,
      (data.noted as { version: number }).version,
    ]);
    expect(told.slice(-3)).toEqual([
      ['admin-1', true, 1],
      ['viewer-1', false, 1],
      ['viewer-1', false, 0],
    ]);
  });

  /** Of another replica: the same rows and keys, a memory of its own. */
  function replica(changes: Partial<SecretParts> = {}): Secrets {
    const { parts } = stack.service.app.get(SecretAccess, { strict: false });
    const { request } = stack.service.platform.database;
    const access = new SecretAccess({ ...parts, log: new SecretLog(request), ...changes });
    return new Secrets(access, new SecretConfigs(parts.store, request));
  }

  it('that another replica has changed are given with an allow that names what is given', async () => {
    const [asker, path] = [askerOf(keeper), 'production/MOVING'];
    const { secretId } = await secrets().write(asker, path, { value: 'one' });
    expect((await secrets().read(asker, path)).data).toEqual({ value: 'one' });
    await replica().write(asker, path, { value: 'two' });
    expect(await secrets().read(asker, path)).toMatchObject({ version: 2, data: { value: 'two' } });
    await replica().forget(asker, path);
    await expect(secrets().read(asker, path)).rejects.toMatchObject({ code: 'not_found' });
    const { secretId: next } = await replica().write(asker, path, { value: 'new' });
    expect(await secrets().read(asker, path)).toMatchObject({ version: 1, secretId: next, data: { value: 'new' } });
    expect(await secrets().read(asker, path)).toMatchObject({ version: 1, secretId: next });
    expect(await notedReads(path)).toEqual([
      { version: 1, secretId },
      { version: 1, secretId },
      { version: 2, secretId },
      { version: 2, secretId },
      { version: 0, secretId: null },
      { version: 1, secretId: next },
      { version: 1, secretId: next },
    ]);
  });

  it('are not given by an allow for the version before', async () => {
    const [asker, path] = [askerOf(keeper), 'production/BEFORE'];
    await secrets().write(asker, path, { value: 'one' });
    const { authorize } = stack.service.app.get(SecretAccess, { strict: false }).parts;
    // Whoever decides says no to the second version only.
    const here = replica({
      authorize: async (principal, action, resource, request, noted) =>
        noted?.version === 2 ? { allowed: false } : authorize(principal, action, resource, request, noted),
    });
    expect(await here.read(asker, path)).toMatchObject({ version: 1, data: { value: 'one' } });
    await secrets().write(asker, path, { value: 'two' });
    await expect(here.read(asker, path)).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('of other tenants are not there', async () => {
    const stranger = await stack.somebody('hooli', 'admin-1', ['admin']);
    await secrets().write(askerOf(keeper), 'production/OURS', { value: 'x' });
    await expect(secrets().read(askerOf(stranger), 'production/OURS')).rejects.toMatchObject({ code: 'not_found' });
    expect((await secrets().list(askerOf(stranger), '')).keys).toEqual([]);
  });

  it('read and written at once by two tenants are each their own, however many share a statement', async () => {
    const stranger = await stack.somebody('hooli', 'admin-2', ['admin']);
    const names = Array.from({ length: 80 }, (_, i) => `ROOT_${i}`); // more than a statement takes, and without a scope
    const askers = [askerOf(keeper), askerOf(stranger)];
    const all = askers.flatMap((asker) => names.map((name) => ({ asker, name })));
    const givenTo = ({ asker, name }: (typeof all)[number]) => `${asker.caller.tenantId} ${name}`;
    await secrets().write(askerOf(keeper), 'ALONE', { value: 'alone' });
    await Promise.all(all.map((one) => secrets().write(one.asker, one.name, { value: givenTo(one) })));
    const read = await Promise.all(
      all.map(({ asker, name }, i) => secrets().read(asker, name, { version: i % 2 === 0 ? 1 : undefined })),
    );
    expect(read.map(({ data }) => data?.value)).toEqual(all.map(givenTo));
    const missing = names.map((name) =>
      secrets()
        .read(askerOf(stranger), `${name}_NOT`)
        .catch((error) => error.code),
    );
    const found = secrets().read(askerOf(keeper), 'ALONE');
    expect(new Set(await Promise.all(missing))).toEqual(new Set(['not_found']));
    expect((await found).data).toEqual({ value: 'alone' });
  });

  it('cost PostgreSQL the rows that are asked for, however many the tenant has', async () => {
    // As autovacuum does soon: of a table that it knows nothing of, the planner holds every index to be as good.
    await stack.superuser.query('analyze vault.events, vault.secrets, vault.secret_versions');
    const statements = `begin;
      select count(*)::int as n from vault.read_secrets('acme',
        array(select stream_id from vault.secrets where tenant_id = 'acme' and path like 'ROOT_%' limit 16), array_fill(0, array[16]));
      select (idx_tup_fetch + seq_tup_read)::int as n from pg_stat_xact_user_tables where relname = 'secret_versions';
      rollback`;
    const results = (await stack.superuser.query(statements)) as unknown as readonly { rows: { n: number }[] }[];
    const [read, fetched] = [results[1]?.rows[0]?.n, results[2]?.rows[0]?.n];
    // By a bitmap PostgreSQL fetches without counting; what must not be is a scan, which counts all that the tenant has.
    expect(read).toBe(16);
    expect(fetched).toBeLessThanOrEqual(16);
  });

  it('wait to be written within a bound, and who fills it is refused alone', async () => {
    const log = new SecretLog(stack.service.platform.database.request);
    const nothing = (tenantId: string, n: number) =>
      log.commit({
        ...{ path: `production/N${n}`, streamId: `secret:${n}`, decide: () => ({ events: [] }) },
        context: { ...contextOf(askerOf(keeper), Date.now()), tenantId },
      });
    const many = Promise.allSettled(Array.from({ length: 2_050 }, (_, n) => nothing('initech', n)));
    await expect(nothing('acme', 1)).resolves.toMatchObject({ revision: 0 });
    const refused = (await many).flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
    expect(refused).toMatchObject([{ name: 'StoreOverloaded' }, { name: 'StoreOverloaded' }]);
    await expect(nothing('initech', 1)).resolves.toMatchObject({ revision: 0 });
  });

  it('written at once by many each become one version', async () => {
    const asker = askerOf(keeper);
    const written = await Promise.all(
      Array.from({ length: 40 }, (_, i) => secrets().write(asker, 'many/ONE', { value: String(i) })),
    );
    expect(written.map(({ version }) => version).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 40 }, (_, i) => i + 1),
    );
    const { rows } = await stack.superuser.query(
      `select count(*)::int as n from vault.secret_versions v join vault.secrets s using (tenant_id, stream_id) where s.path = 'many/ONE'`,
    );
    expect(rows[0].n).toBe(10);
    expect((await secrets().read(asker, 'many/ONE', { version: 40 })).data).not.toBeNull();
  });
});

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
  });

  it('takes bytes and objects, and nothing that is neither', async () => {
    const call = as(admin);
    await call('POST', '/secrets/bytes', { valueBase64: 'AP8=' });
    expect((await call('GET', '/secrets/bytes')).body).toMatchObject({ valueBase64: 'AP8=' });
    await call('POST', '/secrets/object', { data: { user: 'a', password: 'b' } });
    expect((await call('GET', '/secrets/object')).body.data).toEqual({ user: 'a', password: 'b' });
    for (const body of [{}, { value: 1 }, { value: 'a', data: {} }, { valueBase64: '%' }, { value: 'a', cas: -1 }])
      expect((await call('PUT', '/secrets/wrong', body)).status).toBe(400);
    expect((await call('PUT', '/secrets/large', { value: 'x'.repeat(1_100_000) })).status).toBe(413);
  });

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
  });

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
  });

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
  });

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
  });

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
  });

  it('refuses paths that are none', async () => {
    const call = as(admin);
    for (const path of ['a%2F%2Fb', 'a%2F..%2Fb', '%00', 'a/', `${'x/'.repeat(64)}x`, 'y'.repeat(513), '%ED%A0%80'])
      expect([path, (await call('GET', `/secrets/${path}`)).status]).toEqual([path, 400]);
    // What looks the same is the same or is nothing, and policy sees all of what is asked for.
    for (const path of ['cafe%CC%81', 'prod%E2%80%8Buction', `production/${'@/'.repeat(40)}x`]) {
      expect([path, (await call('GET', `/secrets/${path}`)).body.code]).toEqual([path, 'validation_failed']);
      expect([path, (await call('PUT', `/secrets/${path}`, { value: 'x' })).status]).toEqual([path, 400]);
      const dialect = await stack.call(`/v1/secret/data/${path}`, { key: admin.key });
      expect([path, dialect.status]).toEqual([path, 400]);
    }
    expect((await call('PUT', '/secrets/canon/caf%C3%A9', { value: 'x' })).status).toBe(200);
    expect((await call('GET', '/secrets/canon%2Fcaf%C3%A9')).body).toMatchObject({
      path: 'canon/caf\u00e9',
      value: 'x',
    });
    expect(await notedReads('canon/caf\u00e9')).toMatchObject([{ version: 1 }]);
    const long = `${'y'.repeat(500)}`;
    expect((await call('PUT', `/secrets/${long}`, { value: 'x' })).status).toBe(200);
    expect((await call('GET', `/secrets/${long}`)).status).toBe(200);
  });

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
  });

  it('describes itself', async () => {
    const { body } = await stack.call('/openapi.json');
    expect(Object.keys(body.paths)).toEqual(expect.arrayContaining(['/api/v1/vault/resolve', '/api/v1/vault/config']));
  });
});
