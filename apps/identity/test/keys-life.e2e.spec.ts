import { generateKey, keyFingerprint, loadKeyFile, loadRootKey } from '@gatehouse/crypto';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { KeyUses } from '../src/key/key-use/key-uses.service.js';
import { People } from '../src/person/people.service.js';
import { SubjectKeys } from '../src/user/subject-keys.service.js';
import { type Answer, api, works } from './api.fixture.js';
import { type FirstOwner, type Replica, type Stack, startStack } from './stack.fixture.js';

let stack: Stack;
let replica: Replica;
let owner: FirstOwner;
let other: FirstOwner;
let key: string;
let userKey: string;

beforeAll(async () => {
  stack = await startStack();
  owner = await stack.bootstrap();
  other = await stack.bootstrap('other');
  key = owner.operatorKey;
  replica = await stack.serve();
  for (const each of [key, other.operatorKey]) await works(replica, each);
  userKey = (await api(replica, 'POST /setup', { body: { token: owner.setupToken } })).body.key;
  await works(replica, userKey);
});

afterAll(() => stack?.stop());

const post = (path: string, body?: object, as = key, headers: Record<string, string> = {}) =>
  api(replica, `POST ${path}`, { key: as, headers, ...(body && { body }) });
const refusedSoon = (text: string) =>
  waitFor(async () => (await api(replica, 'GET /me', { key: text })).status === 401, { message: 'the key is refused' });
const extra = ({ body }: Answer) => body as unknown as Record<string, unknown>;
const fingerprintOf = (text: string) => keyFingerprint(loadKeyFile(stack.env().PEPPER_FILE ?? ''), text);

describe('scopes', () => {
  it('limit a key, are shown, and go with every question to policy', async () => {
    const made = await post('/keys', { name: 'logs', scopes: ['logs.*', 'key.read', 'logs.*'] });
    expect(made).toMatchObject({ status: 201, body: { scopes: ['logs.*', 'key.read'] } });
    await works(replica, made.body.key);
    expect(extra(await api(replica, `GET /keys/${made.body.keyId}`, { key }))).toMatchObject({
      scopes: ['logs.*', 'key.read'],
    });
    const before = stack.policy.asked.length;
    await api(replica, 'GET /keys', { key: made.body.key });
    expect(stack.policy.asked.slice(before)).toEqual([expect.objectContaining({ scopes: ['logs.*', 'key.read'] })]);
    expect(extra(await api(replica, 'GET /me', { key: made.body.key }))).toMatchObject({
      scopes: ['logs.*', 'key.read'],
    });
  });

  it.each([[[]], [['']], [['logs.']], [['.*']], [['Logs.read']], [['a.b.c.d.*']], [Array(65).fill('a.b')], ['logs']])(
    'are not %j',
    async (scopes) => {
      expect(await post('/keys', { name: 'never', scopes })).toMatchObject({
        status: 400,
        body: { code: 'validation_failed' },
      });
    },
  );

  it('are not widened: a key makes and rotates no key that reaches further than itself', async () => {
    const limited = (await post('/keys', { name: 'key-maker', scopes: ['key.*', 'logs.*'] })).body.key;
    const wide = (await post('/keys', { name: 'wide' })).body;
    const narrow = (await post('/keys', { name: 'narrow', scopes: ['logs.read'] })).body;
    await works(replica, limited);
    for (const scopes of [undefined, ['*'], ['logs.*', 'deploy.*']])
      expect(await post('/keys', { name: 'climber', ...(scopes && { scopes }) }, limited)).toMatchObject({
        status: 403,
        body: { code: 'key_scopes_too_wide' },
      });
    expect(await post('/keys', { name: 'inside', scopes: ['logs.app.*'] }, limited)).toMatchObject({ status: 201 });
    expect(await post(`/keys/${wide.keyId}/rotate`, {}, limited)).toMatchObject({
      status: 403,
      body: { code: 'key_scopes_too_wide' },
    });
    expect(await post(`/keys/${narrow.keyId}/rotate`, {}, limited)).toMatchObject({ status: 200 });
  });
});

describe('rotating a key', () => {
  it('gives the same key another text; the old one works until its time is up', async () => {
    const { body: made } = await post('/keys', { name: 'rotated', roles: ['viewer'], scopes: ['*'] });
    const answer = await post(`/keys/${made.keyId}/rotate`, { overlapSeconds: 2 });
    expect(answer).toMatchObject({ status: 200, body: { keyId: made.keyId, name: 'rotated', revision: 2 } });
    expect(answer.body.key).toMatch(/^mas_[A-Za-z0-9_-]{53}[AQgw]$/);
    expect(extra(answer)).toMatchObject({
      displayPrefix: answer.body.key.slice(0, 12),
      rotatedAt: expect.any(String),
      previousValidUntil: expect.any(String),
    });
    await works(replica, answer.body.key);
    const both = [made.key, answer.body.key].map((text) => api(replica, 'GET /me', { key: text }));
    const [before, after] = await Promise.all(both);
    expect(before?.status).toBe(200);
    expect(before?.body).toEqual(after?.body);
    await refusedSoon(made.key);
    await works(replica, answer.body.key);
    const shown = JSON.stringify(await stack.superuser('select * from identity.events'));
    expect(shown).not.toContain(answer.body.key.slice(12));
  });

  it('ends the text before the old one at once, and the old one too when asked for', async () => {
    const { body: made } = await post('/keys', { name: 'twice' });
    const second = (await post(`/keys/${made.keyId}/rotate`)).body.key;
    await works(replica, second);
    await works(replica, made.key);
    const third = (await post(`/keys/${made.keyId}/rotate`, { overlapSeconds: 0 })).body.key;
    await works(replica, third);
    await refusedSoon(made.key);
    await refusedSoon(second);
  });

  it('is asked of policy, with a decision for every role the key has', async () => {
    const { body: made } = await post('/keys', { name: 'powerful', roles: ['owner', 'viewer'] });
    const before = stack.policy.asked.length;
    stack.policy.denies = ({ action, resource }) => action === 'role.grant' && resource.id === 'owner';
    const refused = await post(`/keys/${made.keyId}/rotate`);
    stack.policy.denies = () => false;
    expect(refused).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    expect(stack.policy.asked.slice(before).map(({ action, resource }) => `${action} ${resource.id}`)).toEqual([
      `key.rotate ${made.keyId}`,
      'role.grant owner',
    ]);
  });

  it('of a person is for that person alone', async () => {
    const mine = (await post('/keys', { name: 'laptop', family: 'mau' }, userKey)).body;
    expect(await post(`/keys/${mine.keyId}/rotate`)).toMatchObject({
      status: 403,
      body: { code: 'user_key_of_another' },
    });
    const answer = await post(`/keys/${mine.keyId}/rotate`, {}, userKey);
    expect(answer.body.key).toMatch(/^mau_/);
  });

  it('is not for keys of another tenant, unknown ones, or expired ones', async () => {
    const { body: made } = await post('/keys', { name: 'ours' });
    expect(await post(`/keys/${made.keyId}/rotate`, {}, other.operatorKey)).toMatchObject({ status: 404 });
    expect(await post(`/keys/${crypto.randomUUID()}/rotate`)).toMatchObject({ status: 404 });
    const expiresAt = new Date(Date.now() + 300).toISOString();
    const { body: brief } = await post('/keys', { name: 'brief', expiresAt });
    await waitFor(() => Date.now() > Date.parse(expiresAt));
    expect(await post(`/keys/${brief.keyId}/rotate`)).toMatchObject({
      status: 400,
      body: { code: 'key_expiry_passed' },
    });
    for (const overlapSeconds of [-1, 604_801, 1.5, '60'])
      expect(await post(`/keys/${made.keyId}/rotate`, { overlapSeconds })).toMatchObject({ status: 400 });
  });

  it('happens once for one Idempotency-Key, and not on a stale revision', async () => {
    const { body: made } = await post('/keys', { name: 'careful' });
    const headers = { 'idempotency-key': 'rotate-once' };
    expect(await post(`/keys/${made.keyId}/rotate`, {}, key, headers)).toMatchObject({ status: 200 });
    expect(await post(`/keys/${made.keyId}/rotate`, {}, key, headers)).toMatchObject({
      status: 409,
      body: { code: 'key_already_rotated' },
    });
    expect(await post(`/keys/${made.keyId}/rotate`, {}, key, { 'if-match': '"1"' })).toMatchObject({ status: 412 });
    const { body: another } = await post('/keys', { name: 'careless' });
    expect(await post(`/keys/${another.keyId}/rotate`, {}, key, headers)).toMatchObject({
      status: 409,
      body: { code: 'idempotency_key_reused' },
    });
  });

  it('by several at once leaves one text that works now, and every event says which text it replaced', async () => {
    const { body: made } = await post('/keys', { name: 'raced' });
    const answers = await Promise.all(Array.from({ length: 3 }, () => post(`/keys/${made.keyId}/rotate`)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    const rows = await stack.superuser<{ envelope: string }>(
      'select envelope from identity.events where stream_id = $1 order by revision',
      [`key:${made.keyId}`],
    );
    const data = rows.map(({ envelope }) => JSON.parse(envelope).data as Record<string, string>);
    for (const [i, { previousFingerprint }] of data.entries())
      if (i > 0) expect(previousFingerprint).toBe(data[i - 1]?.fingerprint);
  });
});

describe('what happened with a key', () => {
  it('is told by the services: last use in the list, places in the answer to a leak', async () => {
    const { body: made } = await post('/keys', { name: 'seen' });
    await works(replica, made.key);
    await api(replica, 'GET /me', { key: made.key });
    const shown = await waitFor(async () => {
      const { body } = await api(replica, `GET /keys/${made.keyId}`, { key });
      return (body as unknown as { lastUsedAt?: string }).lastUsedAt;
    });
    expect(Math.abs(Date.parse(shown) - Date.now())).toBeLessThan(10_000);
    const { body } = await api(replica, 'GET /keys?limit=200', { key });
    expect(body.keys.find(({ keyId }) => keyId === made.keyId)).toHaveProperty('lastUsedAt');
    const found = extra(await post('/keys/find', { key: made.key }));
    expect(found.uses).toEqual([
      expect.objectContaining({ service: 'identity', address: '127.0.0.1', count: expect.any(Number) }),
    ]);
  });

  it('keeps the address of a person sealed, and is theirs to read and to have erased', async () => {
    const { keyId } = extra(await api(replica, 'GET /me', { key: userKey }));
    const row = await waitFor(async () => {
      const rows = await stack.superuser('select * from identity.key_uses where key_id = $1', [keyId]);
      return rows[0];
    });
    expect(row).toMatchObject({ address: null, user_id: owner.ownerId, sealed: { subject: owner.ownerId } });
    expect(JSON.stringify(row)).not.toContain('127.0.0.1');
    const found = extra(await post('/keys/find', { key: userKey }));
    expect(found.uses).toEqual([expect.objectContaining({ address: '127.0.0.1', service: 'identity' })]);
  });

  it('is in the archive of the person, goes with the person, and after its time', async () => {
    const { DATABASE_URL, DATABASE_SYSTEM_URL, PEPPER_FILE = '', ROOT_KEY_FILE = '' } = stack.env();
    const [request, system] = [DATABASE_URL, DATABASE_SYSTEM_URL].map(
      // The server stops at the end of the test, maybe before a pool has said good-bye to it.
      (connectionString) => new pg.Pool({ connectionString, max: 2 }).on('error', () => undefined),
    ) as [pg.Pool, pg.Pool];
    const pepper = loadKeyFile(PEPPER_FILE);
    const subjectKeys = new SubjectKeys(request, loadRootKey(ROOT_KEY_FILE));
    const people = new People(system, subjectKeys, pepper);
    const uses = new KeyUses({ platform: { database: { system } }, people, subjectKeys, pepper } as never);
    const { personalData, retention } = uses;
    const keyId = String(extra(await api(replica, 'GET /me', { key: userKey })).keyId);
    const at = '2020-01-01T00:00:00.000Z';
    const report = (ips: string[]) =>
      uses.take({
        service: 'audit',
        uses: ips.map((ip) => ({ keyId, ip, count: 2, firstAt: at, lastAt: at })),
        refusals: [],
      });
    await report(['203.0.113.7', '203.0.113.8', '203.0.113.7']);
    const byAddress = (a: object, b: object) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
    const mine = () =>
      personalData.read(owner.ownerId).then((rows) => rows.filter((row) => row.service === 'audit').sort(byAddress));
    expect(await mine()).toEqual(
      ['203.0.113.7', '203.0.113.8'].map((address) => ({
        ...{ keyId, service: 'audit', address, firstAt: at, lastAt: at, count: expect.any(Number) },
      })),
    );
    expect(await retention.sweep(new Date('2021-01-01T00:00:00Z'))).toBe(2);
    expect(await mine()).toEqual([]);
    await report(Array.from({ length: 250 }, (_, i) => `10.9.${i >> 8}.${i & 255}`));
    expect((await mine()).length).toBeLessThanOrEqual(200);
    expect(await personalData.erase(owner.ownerId)).toBeGreaterThan(100);
    expect(await mine()).toEqual([]);
    expect(await personalData.erase(crypto.randomUUID())).toBe(0);
    await stack.superuser('insert into identity.erased_subjects (subject) values ($1)', [owner.ownerId]);
    await report(['203.0.113.9']);
    expect(await mine()).toEqual([]);
    await stack.superuser('delete from identity.erased_subjects');
    await Promise.all([request.end(), system.end()]);
  });
});

describe('the answer to a leak', () => {
  const find = (body: object, as = key) => post('/keys/find', body, as);

  it('says which key a text or a fingerprint is, and whether it works', async () => {
    const { body: made } = await post('/keys', { name: 'leaked' });
    const next = (await post(`/keys/${made.keyId}/rotate`)).body.key;
    const last = (await post(`/keys/${made.keyId}/rotate`)).body.key;
    const states: [object, string][] = [
      [{ key: made.key }, 'past'],
      [{ key: next }, 'previous'],
      [{ key: last }, 'current'],
      [{ fingerprint: fingerprintOf(next).toString('base64') }, 'previous'],
      [{ fingerprint: fingerprintOf(last).toString('hex').toUpperCase() }, 'current'],
    ];
    for (const [body, state] of states)
      expect(await find(body)).toMatchObject({ status: 200, body: { key: { keyId: made.keyId }, text: { state } } });
  });

  it('is the same for a key of another tenant and for no key at all', async () => {
    const answers = await Promise.all([find({ key: other.operatorKey }), find({ key: generateKey('mas_') })]);
    for (const { status, body } of answers)
      expect({ status, code: body.code }).toEqual({ status: 404, code: 'not_found' });
    expect(answers[0]?.body.detail).toBe(answers[1]?.body.detail);
    expect(await find({ key: other.operatorKey }, other.operatorKey)).toMatchObject({ status: 200 });
  });

  it.each([{}, { key: 'x' }, { fingerprint: 'x' }, { key: `mas_${'a'.repeat(54)}`, fingerprint: 'a'.repeat(64) }])(
    'does not take %j, and repeats nothing of it',
    async (body) => {
      expect(await find(body)).toMatchObject({ status: 400, body: { code: 'validation_failed' } });
    },
  );

  it('writes no key into any log', async () => {
    const text = generateKey('mas_');
    await find({ key: text });
    await find({ key: `${text}x` });
    expect(replica.log()).not.toContain(text.slice(12));
  });

  it('has a bound on attempts', async () => {
    const asks = await Promise.all(
      Array.from({ length: 70 }, () => find({ key: generateKey('mas_') }, other.operatorKey)),
    );
    const refused = asks.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await find({ key: generateKey('mas_') })).status).toBe(404);
  });
});

describe('importing keys', () => {
  const take = (keys: object[], more: object = {}, as = key) => post('/keys/import', { keys, ...more }, as);
  const outcomes = (answer: Answer) =>
    (answer.body.keys as unknown as { outcome: string; code?: string }[]).map(({ outcome, code }) => code ?? outcome);

  it('takes a key as it is: it works, says that it was imported, and once is enough', async () => {
    const text = generateKey('mas_');
    const [wanted, off] = [
      { name: 'from-marie', key: text, roles: ['viewer'] },
      { name: 'off-marie', key: generateKey('mas_'), enabled: false },
    ];
    expect(outcomes(await take([wanted, off], { dryRun: true }))).toEqual(['would_import', 'would_import']);
    expect((await api(replica, 'GET /me', { key: text })).status).toBe(401);
    expect(outcomes(await take([wanted, off]))).toEqual(['imported', 'imported']);
    await works(replica, text);
    expect((await api(replica, 'GET /me', { key: off.key })).status).toBe(401);
    expect(outcomes(await take([wanted, off]))).toEqual(['unchanged', 'unchanged']);
    const { body } = await api(replica, 'GET /keys?limit=200', { key });
    expect(body.keys.find(({ name }) => name === 'from-marie')).toMatchObject({ imported: true, roles: ['viewer'] });
    expect(body.keys.find(({ name }) => name === 'off-marie')).toMatchObject({ enabled: false });
  });

  it('warns of a last character that no generator makes, and takes the key', async () => {
    const text = `${generateKey('mas_').slice(0, -1)}B`;
    const answer = await take([{ name: 'uncanonical', key: text }]);
    expect(answer.body.keys[0]).toMatchObject({
      outcome: 'imported',
      warnings: [expect.stringContaining('canonical')],
    });
    await works(replica, text);
  });

  it('refuses published samples under either prefix, and names and texts that are taken', async () => {
    const sample = '0aPJ9Q9nUO1Ac1vJTfffXEXs9FyGLf9BzfYgZ_RaHm707wmbfHJNPQ';
    const answer = await take(
      [
        { name: 'sample', key: `mas_${sample}` },
        { name: 'sample-user', key: `mau_${sample}` },
        { name: 'operator', key: generateKey('mas_') },
        { name: 'copy', key },
        { name: 'theirs', key: other.operatorKey },
        { name: 'fine', key: generateKey('mas_') },
      ],
      { userKeysAsMine: true },
      userKey,
    );
    expect(outcomes(answer)).toEqual([
      ...['key_is_published', 'key_is_published', 'key_name_taken', 'key_text_taken', 'key_text_taken', 'imported'],
    ]);
    expect(JSON.stringify(answer.body)).not.toContain(sample.slice(8));
  });

  it('gives user keys to nobody who was not named', async () => {
    const item = { name: 'somebody', key: generateKey('mau_') };
    expect(outcomes(await take([item], {}, userKey))).toEqual(['user_key_needs_owner']);
    expect(outcomes(await take([item], { userKeysAsMine: true }))).toEqual(['user_key_without_person']);
    expect(outcomes(await take([item], { userKeysAsMine: true }, userKey))).toEqual(['imported']);
    await works(replica, item.key);
    expect(extra(await api(replica, 'GET /me', { key: item.key }))).toMatchObject({ type: 'user', id: owner.ownerId });
  });

  it('grants no role that the caller may not grant, and then takes nothing', async () => {
    stack.policy.denies = ({ action }) => action === 'role.grant';
    const refused = await take([{ name: 'climbing', key: generateKey('mas_'), roles: ['owner'] }]);
    stack.policy.denies = () => false;
    expect(refused.status).toBe(403);
    expect(await stack.superuser(`select from identity.keys where name = 'climbing'`)).toEqual([]);
  });

  it('refuses a list with the same name or text twice, without showing a text', async () => {
    const text = generateKey('mas_');
    const refused = await take([
      { name: 'same', key: text },
      { name: 'same', key: generateKey('mas_') },
      { name: 'else', key: text },
    ]);
    expect(refused).toMatchObject({ status: 400, body: { code: 'validation_failed' } });
    expect(JSON.stringify(refused.body)).toContain('body.keys.2.key');
    expect(JSON.stringify(refused.body)).not.toContain(text);
    const many = Array.from({ length: 201 }, (_, i) => ({ name: `n-${i}`, key: generateKey('mas_') }));
    expect((await take(many)).status).toBe(400);
  });
});

describe('the read models of keys', () => {
  it.each(['keys', 'key_fingerprints', 'known_keys', 'known_callers'])('%s is what its events say', async (name) => {
    await post(`/projections/${name}/rebuild`);
    const state = await waitFor(async () => {
      const { body } = await api(replica, 'GET /projections', { key });
      const found = body.projections.find((each) => each.name === name);
      return found && !found.rebuildRequested && found.lastRebuild;
    });
    expect(state).toMatchObject({ differences: 0, parked: 0 });
    await works(replica, key);
  });
});
