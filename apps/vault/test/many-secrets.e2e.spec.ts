import { GatehouseClient } from '@gatehouse/sdk';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Somebody, startVaultStack, type VaultStack } from './vault-stack.fixture.js';

let stack: VaultStack;
let admin: Somebody;
/** Reads and writes outside of production. */
let developer: Somebody;
let stranger: Somebody;

const base = '/api/v1/vault';
const put = (path: string, body: object, { key } = admin) =>
  stack.call(`${base}/secrets/${path}`, { key, method: 'PUT', body });
const get = (path: string, { key } = admin) => stack.call(`${base}/secrets/${path}`, { key });
const readMany = (secrets: readonly object[], { key } = admin) =>
  stack.call(`${base}/read`, { key, body: { secrets } });
const writeMany = (secrets: readonly object[], headers: Record<string, string> = {}, { key } = admin) =>
  stack.call(`${base}/write`, { key, body: { secrets }, headers });

interface Result {
  readonly ok: boolean;
  readonly version?: number;
  readonly error?: { readonly code: string };
}

/** What became of each, in few words. */
const told = ({ body }: { readonly body: { readonly results: readonly Result[] } }) =>
  body.results.map(({ version, error }) => error?.code ?? version);

/** As somebody who writes into the database: no trigger and no row-level security in the way. */
const forge = (sql: string) => stack.superuser.query(`set session_replication_role = replica; ${sql}`);

/** Decisions about a path as policy recorded them, in order: who, what, whether, which version. */
async function decisionsOn(path: string): Promise<readonly unknown[]> {
  const { rows } = await stack.superuser.query(
    `select data->'subject'->>'id' as who, data->>'action' as action, data->'decision' as allowed, data->'noted'->'version' as version
     from (select envelope::jsonb->'data' as data, tx, seq from policy.events where type = 'decision.recorded') d
     where data->'resource'->>'id' = $1 order by tx, seq`,
    [path],
  );
  return rows.map(({ who, action, allowed, version }) => [who, action, allowed, version]);
}

beforeAll(async () => {
  stack = await startVaultStack();
  admin = await stack.somebody('acme', 'admin-1', ['admin']);
  developer = await stack.somebody('acme', 'developer-07', ['developer']);
  stranger = await stack.somebody('globex', 'admin-1', ['admin']);
  for (const [path, value] of Object.entries({ A: 'a1', B: 'b1', GONE: 'g1', ENDED: 'e1' }))
    await put(`production/${path}`, { value });
  await put('production/B', { data: { user: 'b', password: 'canary-b2' } });
  await put('staging/BYTES', { valueBase64: 'AP8=' });
  await stack.call(`${base}/secrets/production/GONE`, { key: admin.key, method: 'DELETE' });
  await stack.call(`${base}/destroy/production/ENDED`, { key: admin.key, body: { versions: [1] } });
});

afterAll(() => stack?.stop());

describe('many secrets read in one request', () => {
  it('are answered in the order they were asked for, each as it is alone', async () => {
    const alone = await Promise.all(
      ['staging/BYTES', 'production/B', 'production/A', 'production/B?version=1'].map((path) => get(path)),
    );
    const answer = await readMany([
      { path: 'staging/BYTES' },
      { reference: 'secret://acme/production/b' },
      { path: 'production/A', version: 1 },
      { path: 'production/B', version: 1 },
      { path: 'staging/BYTES' },
    ]);
    const whole = alone.map(({ body }) => ({ ...body, ok: true }));
    expect([answer.status, answer.body]).toEqual([200, { results: [...whole, whole[0]] }]);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('fail one by one, in the words of a request of its own', async () => {
    const wrong = ['production/GONE', 'production/ENDED', 'production/NOTHING', 'production/A?version=9'];
    const alone = await Promise.all(wrong.map((path) => get(path)));
    const answer = await readMany([
      { path: 'production/A' },
      ...wrong.map((text) => {
        const [path, version] = text.split('?version=');
        return { path, ...(version && { version: Number(version) }) };
      }),
      { path: 'production/../production/A' },
      { path: 'production/*' },
      { path: 'a\u0000b' },
      { reference: 'secret://globex/production/a' },
      { reference: 'secret://acme/a\u0000b/c' },
      { reference: 'no reference' },
      { path: 'production/B' },
    ]);
    expect(told(answer)).toEqual([
      1,
      ...['version_deleted', 'version_destroyed', 'not_found', 'not_found'],
      ...['validation_failed', 'not_found', 'validation_failed'],
      ...['validation_failed', 'validation_failed', 'validation_failed'],
      2,
    ]);
    for (const [i, { body }] of alone.entries()) {
      const { traceId } = answer.body.results[i + 1].error;
      expect(answer.body.results[i + 1]).toEqual({ ok: false, error: { ...body, traceId } });
    }
  });

  it('are each a decision of their own, recorded with caller and version', async () => {
    for (const path of ['X', 'Y']) await put(`records/${path}`, { value: 'one' });
    await put('records/Y', { value: 'two' });
    // Twice: of what a replica has seen before, the version is foreseen.
    for (const _ of [1, 2])
      await readMany([
        { path: 'records/X' },
        { path: 'records/Y' },
        { path: 'records/Y', version: 1 },
        { path: 'records/NONE' },
      ]);
    const read = (version: number) => ['admin-1', 'secret.read', true, version];
    const written = ['admin-1', 'secret.write', true, null];
    expect(await decisionsOn('records/X')).toEqual([written, read(1), read(1)]);
    const ofY = await decisionsOn('records/Y');
    expect(ofY.slice(0, 2)).toEqual([written, written]);
    expect(ofY.slice(2).map(String).sort()).toEqual([read(1), read(1), read(2), read(2)].map(String));
    expect(await decisionsOn('records/NONE')).toEqual([read(0), read(0)]);
  });

  it('are denied one by one, the same whether or not they exist', async () => {
    const path = 'production/NEVER_WRITTEN';
    const answer = await readMany(
      [{ path: 'production/A' }, { path: 'staging/BYTES' }, { path }, { reference: 'secret://acme/production/a' }],
      developer,
    );
    expect(told(answer)).toEqual(['forbidden', 1, 'forbidden', 'forbidden']);
    const [there, , not, byReference] = answer.body.results;
    expect(there).toEqual(not);
    expect(there).toEqual(byReference);
    expect(await decisionsOn(path)).toEqual([['developer-07', 'secret.read', false, 0]]);
    const denied = (await decisionsOn('production/A')).filter((decision) =>
      String(decision).startsWith('developer-07'),
    );
    expect(denied).toEqual([1, 1].map((version) => ['developer-07', 'secret.read', false, version]));
  });

  it('are read by the client of the SDK', async () => {
    const client = new GatehouseClient({ url: await stack.service.app.getUrl(), credential: developer.key });
    const [bytes, denied] = await client.secrets.readMany(['staging/BYTES', 'production/A']);
    expect(bytes).toEqual((await get('staging/BYTES')).body);
    expect(denied).toMatchObject({ name: 'GatehouseError', code: 'forbidden', status: 403 });
  });

  it('are those of the own tenant, whatever they are called', async () => {
    const asked = [{ path: 'production/A' }, { path: 'production/NOTHING' }];
    expect(told(await readMany(asked, stranger))).toEqual(['not_found', 'not_found']);
  });

  it('are 1 to 64, each by a path or a reference, and nothing else', async () => {
    const some = (count: number) => Array.from({ length: count }, (_, i) => ({ path: `none/${i}` }));
    expect(told(await readMany(some(64)))).toEqual(some(64).map(() => 'not_found'));
    const refused: readonly object[] = [
      ...[{}, { secrets: {} }, { secrets: [] }, { secrets: some(65) }, { secrets: some(1), more: 1 }],
      ...[{}, { path: 'a', reference: 'secret://acme/-/a' }, { path: '' }, { path: 'y'.repeat(513) }].map(inList),
      ...[{ path: 'a', versions: 1 }, { path: 'a', version: 0 }, { path: 1 }, { reference: 'r'.repeat(801) }, 'a'].map(
        inList,
      ),
    ];
    for (const body of refused) {
      const { status, body: problem } = await stack.call(`${base}/read`, { key: admin.key, body });
      expect([body, status, problem.code]).toEqual([body, 400, 'validation_failed']);
    }
    expect((await stack.call(`${base}/read`, { body: { secrets: some(1) } })).status).toBe(401);
    expect((await stack.call(`${base}/read`, { key: admin.key })).status).toBe(404);
  });

  it('fill one answer at most: what has no room says so, and is read alone', async () => {
    for (const n of [1, 2, 3]) await put(`large/L${n}`, { value: 'x'.repeat(1_000_000) });
    const answer = await readMany([...[1, 2, 3].map((n) => ({ path: `large/L${n}` })), { path: 'production/A' }]);
    expect(told(answer)).toEqual([1, 1, 'answer_too_large', 1]);
    expect(answer.text.length).toBeLessThan(4_200_000);
    expect((await get('large/L3')).status).toBe(200);
  });

  it('are not given where their rows were changed; the others are', async () => {
    for (const path of ['ONE', 'TWO', 'THREE']) await put(`tampered/${path}`, { value: 'canary' });
    await forge(
      `update vault.secret_versions set ciphertext = set_byte(ciphertext, 0, get_byte(ciphertext, 0) # 1)
       where tenant_id = 'acme' and stream_id = (select stream_id from vault.secrets where path = 'tampered/TWO')`,
    );
    const asked = ['ONE', 'TWO', 'THREE'].map((name) => ({ path: `tampered/${name}` }));
    const answer = await readMany(asked);
    expect(told(answer)).toEqual([1, 'integrity_violation', 1]);
    expect(answer.body.results[1].error).toMatchObject({ status: 500, title: 'The request failed' });
    expect(JSON.stringify(answer.body.results[1])).not.toMatch(/content|changed|canary/);
    const { rows } = await stack.superuser.query(
      `select envelope::jsonb->'data'->>'path' as path from vault.events where type = 'secret.integrity_violated'`,
    );
    expect(rows).toEqual([{ path: 'tampered/TWO' }]);
  });
});

const inList = (secret: unknown) => ({ secrets: [secret] });

describe('many secrets written in one request', () => {
  it('are answered in order, each as if it were written alone', async () => {
    const answer = await writeMany([
      { path: 'many/TEXT', value: 'canary-text', cas: 0 },
      { path: 'many/BYTES', valueBase64: 'AP8=', customMetadata: { owner: 'ann' } },
      { path: 'many/dashed-name', data: { user: 'a' }, expiresAt: '2999-01-01T00:00:00Z' },
    ]);
    expect(told(answer)).toEqual([1, 1, 1]);
    expect(answer.text).not.toContain('canary');
    expect(answer.body.results).toMatchObject([
      { ok: true, path: 'many/TEXT', reference: 'secret://acme/many/text', warnings: [], revision: 1 },
      { ok: true, path: 'many/BYTES', customMetadata: { owner: 'ann' } },
      { ok: true, reference: null, expiresAt: '2999-01-01T00:00:00.000Z', warnings: [expect.any(String)] },
    ]);
    const read = await readMany(['many/dashed-name', 'many/BYTES', 'many/TEXT'].map((path) => ({ path })));
    expect(read.body.results).toMatchObject([
      { data: { user: 'a' } },
      { valueBase64: 'AP8=' },
      { value: 'canary-text' },
    ]);
  });

  it('are each stored by a decision of their own, or refused by it', async () => {
    const answer = await writeMany(
      [
        { path: 'production/A', value: 'mine' },
        { path: 'staging/MINE', value: 'x' },
        { path: 'production/NOT_THERE', value: 'mine' },
        { path: 'staging/../A', value: 'x' },
        { path: 'staging/ALSO', value: 'x' },
      ],
      {},
      developer,
    );
    expect(told(answer)).toEqual(['forbidden', 1, 'forbidden', 'validation_failed', 1]);
    expect(answer.body.results[0]).toEqual(answer.body.results[2]);
    expect((await get('production/A')).body).toMatchObject({ version: 1, value: 'a1' });
    const { rows } = await stack.superuser.query(
      `select w.envelope::jsonb->'data'->>'path' as path, d.envelope::jsonb->'data'->'resource'->>'id' as decided
       from vault.events w join policy.events d on d.id::text = w.envelope::jsonb->>'causationId'
       where w.envelope::jsonb->'data'->>'path' in ('staging/MINE', 'staging/ALSO') order by 1`,
    );
    expect(rows).toEqual(['staging/ALSO', 'staging/MINE'].map((path) => ({ path, decided: path })));
  });

  it('leave out the one whose version is not the one that was seen', async () => {
    await writeMany(['P', 'Q', 'R'].map((name) => ({ path: `cas/${name}`, value: 'one' })));
    const next = [1, 7, undefined].map((cas, i) => ({ path: `cas/${'PQR'[i]}`, value: 'two', ...(cas && { cas }) }));
    expect(told(await writeMany(next))).toEqual([2, 'check_and_set', 2]);
    const after = await readMany(['P', 'Q', 'R'].map((name) => ({ path: `cas/${name}` })));
    expect(after.body.results.map(({ value }: { value: string }) => value)).toEqual(['two', 'one', 'two']);
  });

  it('are written once however often it is asked, and what failed is tried again', async () => {
    // As long as a key may be.
    const again = { 'idempotency-key': 'k'.repeat(128) };
    const asked = [
      { path: 'again/ONE', value: 'x' },
      { path: 'again/LATE', value: 'x', cas: 1 },
      { path: 'again/TWO', value: 'x' },
    ];
    expect(told(await writeMany(asked, again))).toEqual([1, 'check_and_set', 1]);
    expect(told(await writeMany(asked, again))).toEqual([1, 'check_and_set', 1]);
    await put('again/LATE', { value: 'first' });
    for (const _ of [1, 2]) expect(told(await writeMany(asked, again))).toEqual([1, 2, 1]);
    // In another order and company, too; and at the same time.
    expect(told(await writeMany([...asked].reverse().slice(1), again))).toEqual([2, 1]);
    const raced = Array.from({ length: 64 }, (_, i) => ({ path: `again/R${i}`, value: 'x' }));
    const racing = await Promise.all([1, 2, 3].map(() => writeMany(raced, { 'idempotency-key': 'raced-by-three' })));
    for (const answer of racing) expect(told(answer)).toEqual(raced.map(() => 1));
    expect((await get('again/ONE')).body.version).toBe(1);
    // A key of somebody else, of another tenant, or of a request for one secret is another.
    expect(told(await writeMany(asked.slice(0, 1), again, stranger))).toEqual([1]);
    const single = { key: admin.key, method: 'PUT', body: { value: 'y' }, headers: again };
    expect((await stack.call(`${base}/secrets/again/ONE`, single)).body.version).toBe(2);
    expect(told(await writeMany(asked.slice(0, 1), again))).toEqual([1]);
  });

  it('are 1 to 64 of different paths with one content each, in a body of a megabyte', async () => {
    const some = (count: number) => Array.from({ length: count }, (_, i) => ({ path: `bounds/${i}`, value: 'canary' }));
    const refused: readonly object[] = [
      ...[{}, { secrets: [] }, { secrets: some(65) }, { secrets: some(1), cas: 1 }],
      { secrets: [...some(3), { path: 'bounds/1', value: 'canary' }] },
      ...[{ path: 'a' }, { path: 'a', value: 'canary', data: {} }, { value: 'canary' }, { path: 'a', value: 1 }].map(
        inList,
      ),
      ...[
        { path: 'a', value: 'canary', amongOthers: false },
        { path: 'a', value: 'canary', cas: -1 },
      ].map(inList),
    ];
    for (const body of refused) {
      const { status, text } = await stack.call(`${base}/write`, { key: admin.key, body });
      expect([body, status, text.includes('canary')]).toEqual([body, 400, false]);
    }
    expect((await writeMany(some(1), { 'idempotency-key': 'short' })).status).toBe(400);
    expect((await writeMany(some(1), { 'if-match': '"1"' })).status).toBe(400);
    expect((await writeMany([{ path: 'a', value: 'x'.repeat(1_100_000) }])).status).toBe(413);
    expect((await stack.call(`${base}/write`, { body: { secrets: some(1) } })).status).toBe(401);
    expect(told(await readMany([{ path: 'bounds/0' }, { path: 'a' }]))).toEqual(['not_found', 'not_found']);
    expect(told(await writeMany(some(64)))).toEqual(some(64).map(() => 1));
    const { rows } = await stack.superuser.query(`select 1 from vault.events where envelope like '%canary%'`);
    expect(rows).toEqual([]);
  });

  it('are more at once than policy works on, and none is refused for it, nor what is asked for alone', async () => {
    const asked = Array.from({ length: 64 }, (_, i) => ({ path: `production/${i}`, value: 'x' }));
    // Denied ones are nothing but decisions.
    const all = Array.from({ length: 60 }, () => writeMany(asked, {}, developer));
    const alone = await Promise.all([1, 2, 3].map(() => get('production/A')));
    expect(alone.map(({ status }) => status)).toEqual([200, 200, 200]);
    const codes = (await Promise.all(all)).flatMap((answer) => answer.body.code ?? told(answer));
    expect(new Set(codes)).toEqual(new Set(['forbidden']));
  });

  it('are not built upon rows that were changed; the others are written', async () => {
    await writeMany(['ONE', 'TWO'].map((name) => ({ path: `upon/${name}`, value: 'x' })));
    await forge(
      `update vault.secrets set state = replace(state, '"casRequired":false', '"casRequired":true') where path = 'upon/ONE'`,
    );
    const answer = await writeMany(['ONE', 'TWO'].map((name) => ({ path: `upon/${name}`, value: 'y' })));
    expect(told(answer)).toEqual(['integrity_violation', 2]);
  });
});

describe('both routes', () => {
  it('are in the description', async () => {
    const { body } = await stack.call('/openapi.json');
    for (const name of ['read', 'write']) {
      const { post } = body.paths[`${base}/${name}`];
      expect(post.responses['200'].content['application/json'].schema.properties.results.type).toBe('array');
      expect(post.responses['503'].description).toContain('sealed');
    }
  });

  it('answer 503 where nothing can be decided now, and say it of each that something else is known of', async () => {
    await stack.policy.stop();
    for (const answer of [await readMany([{ path: 'production/A' }]), await writeMany([{ path: 'x/Y', value: 'x' }])]) {
      expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } });
      expect(answer.headers.get('retry-after')).toBe('1');
    }
    const mixed = await readMany([{ path: 'production/A' }, { path: '..' }]);
    expect(told(mixed)).toEqual(['unavailable', 'validation_failed']);
  });
});
