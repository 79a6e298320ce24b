import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { api, works } from './api.fixture.js';
import { decisionId, type FirstOwner, type Replica, type Stack, startStack } from './stack.fixture.js';

let stack: Stack;
let replica: Replica;
let owner: FirstOwner;
let key: string;

beforeAll(async () => {
  stack = await startStack();
  owner = await stack.bootstrap();
  key = owner.operatorKey;
  replica = await stack.serve();
  await works(replica, key);
});

afterAll(() => stack?.stop());

const create = (body: object, headers: Record<string, string> = {}) =>
  api(replica, 'POST /keys', { key, body, headers });

describe('making a key', () => {
  it('shows it once, in the exact format, and it works', async () => {
    const answer = await create({ name: 'ci', roles: ['developer'] });
    expect(answer.status).toBe(201);
    expect(answer.body.key).toMatch(/^mas_[A-Za-z0-9_-]{53}[AQgw]$/);
    expect(answer.body).toEqual({
      keyId: expect.any(String),
      family: 'mas',
      name: 'ci',
      key: answer.body.key,
      displayPrefix: answer.body.key.slice(0, 12),
      principal: { type: 'service', id: 'ci' },
      roles: ['developer'],
      enabled: true,
      createdAt: expect.any(String),
      revision: 1,
      position: expect.stringMatching(/^\d+\.\d+$/),
    });
    await works(replica, answer.body.key);
    const me = await api(replica, 'GET /me', { key: answer.body.key });
    expect(me.body).toEqual({ type: 'service', id: 'ci', tenantId: 'main', keyId: answer.body.keyId });
    for (const path of ['/keys', `/keys/${answer.body.keyId}`])
      expect(JSON.stringify((await api(replica, `GET ${path}`, { key })).body)).not.toContain(
        answer.body.key.slice(12),
      );
  });

  it('asks one decision for the key and one for each role, and records the first as the cause', async () => {
    const before = stack.policy.asked.length;
    const { body } = await create({ name: 'asked', roles: ['viewer', 'developer', 'viewer'] });
    const asked = stack.policy.asked.slice(before);
    expect(asked.map(({ action, resource }) => `${action} ${resource.type}/${resource.id}`)).toEqual([
      'key.create tenant/main',
      'role.grant role/viewer',
      'role.grant role/developer',
    ]);
    expect(asked[0]).toMatchObject({ tenantId: 'main', subject: { type: 'service', id: 'operator' } });
    const [event] = await stack.superuser<{ envelope: string }>(
      'select envelope from identity.events where stream_id = $1',
      [`key:${body.keyId}`],
    );
    expect(JSON.parse(event?.envelope ?? '')).toMatchObject({
      type: 'key.created',
      actor: { type: 'service', id: 'operator' },
      causationId: decisionId(before + 1),
      source: { ip: '127.0.0.1' },
    });
  });

  it('grants nobody a role that the caller may not grant, and names the role', async () => {
    stack.policy.denies = ({ action, resource }) => action === 'role.grant' && resource.id === 'owner';
    const refused = await create({ name: 'climber', roles: ['viewer', 'owner'] });
    stack.policy.denies = () => false;
    expect(refused).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    expect(refused.body.detail).toContain('owner');
    expect(await stack.superuser(`select from identity.keys where name = 'climber'`)).toEqual([]);
  });

  it('is not for a caller whom policy refuses', async () => {
    stack.policy.denies = ({ action }) => action === 'key.create';
    const refused = await create({ name: 'refused' });
    stack.policy.denies = () => false;
    expect(refused).toMatchObject({ status: 403, body: { code: 'forbidden' } });
  });

  it('never gives a name twice, not even after disabling, not even to two at once', async () => {
    const first = await create({ name: 'taken' });
    await api(replica, `POST /keys/${first.body.keyId}/disable`, { key });
    expect(await create({ name: 'taken' })).toMatchObject({ status: 409, body: { code: 'key_name_taken' } });
    const race = await Promise.all(Array.from({ length: 8 }, () => create({ name: 'raced' })));
    expect(race.map(({ status }) => status).sort()).toEqual([201, ...Array(7).fill(409)]);
    expect(await stack.superuser(`select from identity.keys where name = 'raced'`)).toHaveLength(1);
  });

  it.each([
    [{}, 'body.name'],
    [{ name: 'Upper' }, 'body.name'],
    [{ name: 'a'.repeat(64) }, 'body.name'],
    [{ name: 'x', family: 'm87' }, 'body.family'],
    [{ name: 'x', roles: ['no/path'] }, 'body.roles.0'],
    [{ name: 'x', networks: ['10.0.0.1'] }, 'body.networks.0'],
    [{ name: 'x', expiresAt: 'tomorrow' }, 'body.expiresAt'],
    [{ name: 'x', tenantId: 'other' }, 'body.tenantId'],
  ])('refuses %j', async (body, path) => {
    const answer = await create(body);
    expect(answer).toMatchObject({ status: 400, body: { code: 'validation_failed', errors: [{ path }] } });
  });

  it('refuses an expiry that has passed, and reads one with an offset', async () => {
    const past = await create({ name: 'past', expiresAt: '2020-01-01T00:00:00Z' });
    expect(past).toMatchObject({ status: 400, body: { code: 'key_expiry_passed' } });
    const future = await create({ name: 'future', expiresAt: '2999-01-01T02:00:00+02:00' });
    expect(future.body.expiresAt).toBe('2999-01-01T00:00:00.000Z');
  });

  it('makes no user key for a service', async () => {
    const answer = await create({ name: 'mine', family: 'mau' });
    expect(answer).toMatchObject({ status: 403, body: { code: 'user_key_without_person' } });
  });

  it('answers a repeated request with the first result, without a second key', async () => {
    const headers = { 'idempotency-key': 'create-once-1' };
    const first = await create({ name: 'once' }, headers);
    const second = await create({ name: 'once' }, headers);
    expect(second).toMatchObject({ status: 409, body: { code: 'key_already_created' } });
    expect(second.headers.get('location')).toBe(`/api/v1/identity/keys/${first.body.keyId}`);
    expect(await create({ name: 'another' }, headers)).toMatchObject({
      status: 409,
      body: { code: 'idempotency_key_reused' },
    });
    expect(await create({ name: 'once-more' }, { 'idempotency-key': 'short' })).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'headers.idempotency-key' }] },
    });
  });
});

describe('disabling and enabling a key', () => {
  it('stops it at once and lets it work again', async () => {
    const { body } = await create({ name: 'switched' });
    await works(replica, body.key);
    const disabled = await api(replica, `POST /keys/${body.keyId}/disable`, { key, body: { reason: 'leaked' } });
    expect(disabled).toMatchObject({ status: 200, body: { enabled: false, reason: 'leaked', revision: 2 } });
    await waitFor(async () => (await api(replica, 'GET /me', { key: body.key })).status === 401);
    const again = await api(replica, `POST /keys/${body.keyId}/disable`, { key, body: { reason: 'other' } });
    expect(again.body).toMatchObject({ reason: 'leaked', revision: 2 });
    expect(again.body).not.toHaveProperty('position');
    const enabled = await api(replica, `POST /keys/${body.keyId}/enable`, { key });
    expect(enabled.body).toMatchObject({ enabled: true, revision: 3 });
    expect(enabled.body).not.toHaveProperty('reason');
    await works(replica, body.key);
  });

  it('respects If-Match', async () => {
    const { body } = await create({ name: 'matched' });
    const change = (what: string, revision: string) =>
      api(replica, `POST /keys/${body.keyId}/${what}`, { key, headers: { 'if-match': revision } });
    const shown = await api(replica, `GET /keys/${body.keyId}`, { key });
    expect(shown.headers.get('etag')).toBe('"1"');
    expect(await change('disable', '"2"')).toMatchObject({ status: 412, body: { code: 'stale_revision' } });
    expect(await change('disable', '"1"')).toMatchObject({ status: 200, body: { revision: 2 } });
    expect(await change('enable', '"1"')).toMatchObject({ status: 412 });
    expect(await change('enable', '2')).toMatchObject({
      status: 400,
      body: { errors: [{ path: 'headers.if-match' }] },
    });
    expect(await change('enable', '*')).toMatchObject({ status: 200, body: { revision: 3 } });
  });

  it('answers a repeated request as the first, whatever happened since', async () => {
    const { body } = await create({ name: 'repeated' });
    const headers = { 'idempotency-key': 'disable-once' };
    const first = await api(replica, `POST /keys/${body.keyId}/disable`, { key, headers });
    await api(replica, `POST /keys/${body.keyId}/enable`, { key });
    const second = await api(replica, `POST /keys/${body.keyId}/disable`, { key, headers });
    expect(second).toMatchObject({ status: 200, body: first.body });
    const now = await api(replica, `GET /keys/${body.keyId}`, { key });
    expect(now.body).toMatchObject({ enabled: true, revision: 3 });
    const { body: other } = await create({ name: 'other-key' });
    const reused = await api(replica, `POST /keys/${other.keyId}/disable`, { key, headers });
    expect(reused).toMatchObject({ status: 409, body: { code: 'idempotency_key_reused' } });
  });

  it('knows no key that is not there', async () => {
    const missing = crypto.randomUUID();
    for (const what of [`GET /keys/${missing}`, `POST /keys/${missing}/disable`, `POST /keys/${missing}/enable`])
      expect(await api(replica, what, { key })).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });
});

describe('listing keys', () => {
  it('gives every key exactly once, a page at a time', async () => {
    const all = await api(replica, 'GET /keys?limit=200', { key });
    expect(all.body.nextCursor).toBeNull();
    const seen: string[] = [];
    for (let cursor = ''; ; ) {
      const page = await api(replica, `GET /keys?limit=3${cursor && `&cursor=${cursor}`}`, { key });
      seen.push(...page.body.keys.map(({ keyId }) => keyId));
      cursor = page.body.nextCursor ?? '';
      if (!cursor) break;
    }
    expect(seen).toEqual(all.body.keys.map(({ keyId }) => keyId));
    expect(new Set(seen).size).toBe(seen.length);
    expect(all.body.keys[0]).toMatchObject({ name: 'operator', roles: ['owner'] });
  });

  it('filters by what works', async () => {
    const enabled = await api(replica, 'GET /keys?enabled=true', { key });
    const disabled = await api(replica, 'GET /keys?enabled=false', { key });
    expect(enabled.body.keys.every((one) => one.enabled)).toBe(true);
    expect(disabled.body.keys.map(({ name }) => name)).toContain('taken');
    expect(enabled.body.keys.map(({ name }) => name)).not.toContain('taken');
  });

  it.each(['limit=0', 'limit=201', 'limit=x', 'cursor=abc', 'enabled=maybe', 'tenant=other'])(
    'refuses ?%s',
    async (query) => {
      expect(await api(replica, `GET /keys?${query}`, { key })).toMatchObject({
        status: 400,
        body: { code: 'validation_failed', errors: [{ path: `query.${query.split('=')[0]}` }] },
      });
    },
  );

  it('is equal to what its events say: a rebuild finds no difference, and mends a row that was changed by hand', async () => {
    const rebuild = async () => {
      const asked = await api(replica, 'POST /projections/keys/rebuild', { key });
      expect(asked.status).toBe(202);
      return waitFor(async () => {
        const { body } = await api(replica, 'GET /projections', { key });
        const state = body.projections.find(({ name }) => name === 'keys');
        return state && !state.rebuildRequested && state.lastRebuild;
      });
    };
    const rows = () => stack.superuser('select * from identity.keys order by key_id');
    const before = await rows();
    expect(await rebuild()).toMatchObject({ differences: 0, parked: 0 });
    expect(await rows()).toEqual(before);
    await stack.superuser(`update identity.keys set enabled = false where name = 'operator'`);
    expect(await rebuild()).toMatchObject({ differences: 2 });
    expect(await rows()).toEqual(before);
  });
});

describe('the tenant', () => {
  it('is the caller’s', async () => {
    expect(await api(replica, 'GET /tenant', { key })).toMatchObject({
      status: 200,
      body: { tenantId: 'main', name: 'main', ownerId: owner.ownerId, revision: 1 },
    });
  });

  it('lists every route with who may call it, in the API document too', async () => {
    const document = (await (await fetch(`${replica.address}/openapi.json`)).json()) as { paths: object };
    expect(Object.keys(document.paths).filter((path) => !path.includes('projections'))).toEqual(
      expect.arrayContaining([
        '/api/v1/identity/keys',
        '/api/v1/identity/keys/{keyId}',
        '/api/v1/identity/keys/{keyId}/disable',
        '/api/v1/identity/keys/{keyId}/enable',
        '/api/v1/identity/me',
        '/api/v1/identity/setup',
        '/api/v1/identity/tenant',
      ]),
    );
  });
});
