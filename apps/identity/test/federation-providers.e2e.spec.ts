import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { api, works } from './api.fixture.js';
import { clientId, clientSecret, type ForeignOp, startForeignOp } from './foreign-op.fixture.js';
import { type Replica, type Stack, startStack } from './stack.fixture.js';

let stack: Stack;
let replica: Replica;
let op: ForeignOp;
let key: string;
let otherKey: string;

beforeAll(async () => {
  [stack, op] = await Promise.all([startStack(), startForeignOp()]);
  key = (await stack.bootstrap()).operatorKey;
  otherKey = (await stack.bootstrap('other')).operatorKey;
  replica = await stack.serve({ ISSUERS_ON_LOOPBACK: 'true' });
  await Promise.all([works(replica, key), works(replica, otherKey)]);
});

afterAll(() => Promise.all([stack?.stop(), op?.stop()]));

const path = '/identity-providers';
const settings = (changes: object = {}) => ({
  name: 'corporate',
  clientId,
  issuer: op.issuer,
  clientSecret,
  ...changes,
});
const create = (changes: object = {}, more: { key?: string; headers?: Record<string, string> } = {}) =>
  api(replica, `POST ${path}`, { key, body: settings(changes), ...more });
const idOf = ({ body }: { body: unknown }) => (body as { idpId: string }).idpId;
const remove = (idpId: string) => api(replica, `DELETE ${path}/${idpId}`, { key });

describe('configuring an identity provider', () => {
  it('asks the issuer, stores the secret sealed, and never shows it', async () => {
    const made = await create({ domains: ['Example.ORG'], groupsClaim: 'groups', groupRoles: { devs: 'developer' } });
    expect(made.status).toBe(201);
    expect(made.headers.get('etag')).toBe('"1"');
    const idpId = idOf(made);
    expect(made.body).toEqual({
      idpId,
      name: 'corporate',
      issuer: op.issuer,
      clientId,
      hasSecret: true,
      redirectUri: `https://localhost/api/v1/auth/federated/callback/${idpId}`,
      domains: ['example.org'],
      requireApproval: false,
      groupsClaim: 'groups',
      groupRoles: { devs: 'developer' },
      endMembership: false,
      createdAt: expect.any(String),
      revision: 1,
    });
    const [event] = await stack.superuser<{ envelope: string }>(
      `select envelope from identity.events where type = 'idp.configured'`,
    );
    expect(JSON.parse(event?.envelope ?? '{}').data).toMatchObject({ jwksUri: `${op.issuer}/jwks`, issuer: op.issuer });
    const stored = await stack.superuser<{ text: string }>(
      'select t::text as text from identity.idp_secrets t union all select envelope from identity.events',
    );
    for (const { text } of stored) expect(text).not.toContain(clientSecret);
    expect(replica.log()).not.toContain(clientSecret);
    expect((await api(replica, `GET ${path}/${idpId}`, { key })).body).toEqual(made.body);
    await remove(idpId);
  });

  it('changes everything but the issuer, keeps a secret that is not given, takes away one that is null', async () => {
    const idpId = idOf(await create());
    const { clientSecret: _s, issuer, ...given } = settings();
    const put = (body: object, headers = {}) => api(replica, `PUT ${path}/${idpId}`, { key, body, headers });
    const first = await put({ ...given, requireApproval: true }, { 'if-match': '"1"' });
    expect(first.body).toMatchObject({ requireApproval: true, hasSecret: true, revision: 2 });
    expect((await put(given, { 'if-match': '"1"' })).status).toBe(412);
    expect((await put({ ...given, issuer })).status).toBe(400);
    expect((await put({ ...given, clientSecret: null })).body).toMatchObject({ hasSecret: false, revision: 3 });
    expect((await remove(idpId)).status).toBe(204);
    expect((await remove(idpId)).status).toBe(204);
    expect((await put(given)).status).toBe(404);
  });

  it('answers a repeated command with what the first one made', async () => {
    const headers = { 'idempotency-key': 'make-it-once' };
    const [first, second] = [await create({}, { headers }), await create({}, { headers })];
    expect([second.status, idOf(second)]).toEqual([201, idOf(first)]);
    expect((await create({ name: 'another' }, { headers })).body.code).toBe('idempotency_key_reused');
    await remove(idOf(first));
  });

  it('refuses a second one of the same name, and of the same issuer and client', async () => {
    const idpId = idOf(await create());
    expect((await create({ clientId: 'else' })).body.code).toBe('idp_name_taken');
    expect((await create({ name: 'else' })).body.code).toBe('idp_already_configured');
    await remove(idpId);
  });

  it('lists them by pages, each tenant its own', async () => {
    const ids = [idOf(await create({ name: 'a', clientId: 'a' })), idOf(await create({ name: 'b', clientId: 'b' }))];
    const page = async (query: string, as = key) =>
      (await api(replica, `GET ${path}?${query}`, { key: as })).body as unknown as {
        identityProviders: { idpId: string }[];
        nextCursor: string | null;
      };
    const first = await page('limit=1');
    expect(first.identityProviders.map(({ idpId }) => idpId)).toEqual([ids[0]]);
    const second = await page(`limit=1&cursor=${first.nextCursor}`);
    expect([second.identityProviders[0]?.idpId, second.nextCursor]).toEqual([ids[1], null]);
    expect((await page('', otherKey)).identityProviders).toEqual([]);
    for (const what of ['GET', 'DELETE'])
      expect((await api(replica, `${what} ${path}/${ids[0]}`, { key: otherKey })).status).toBe(404);
    const { clientSecret: _s, issuer: _i, ...given } = settings();
    expect((await api(replica, `PUT ${path}/${ids[0]}`, { key: otherKey, body: given })).status).toBe(404);
    await Promise.all(ids.map(remove));
  });
});

describe('what a provider may not be', () => {
  it.each([
    ['plain http', 'http://id.example.org'],
    ['a private address', 'https://10.0.0.5/realms/a'],
    ['the cloud metadata', 'https://169.254.169.254'],
    ['an address with a query', 'https://id.example.org/?x=1'],
    ['an address with a user', 'https://a:b@id.example.org'],
  ])('%s', async (_what, issuer) => {
    expect((await create({ issuer })).body.code).toBe('idp_issuer_refused');
  });

  it('one that nobody answers as', async () => {
    expect((await create({ issuer: 'http://127.0.0.1:9' })).body.code).toBe('idp_discovery_failed');
    expect((await create({ issuer: `${op.issuer}/` })).body.code).toBe('idp_discovery_failed');
  });

  it.each(['other_issuer', 'redirect', 'private_keys_uri'] as const)('one whose metadata is: %s', async (discovery) => {
    await op.control({ discovery });
    expect((await create()).body.code).toBe('idp_discovery_failed');
    await op.control({ discovery: 'fine' });
  });

  it('one that makes owners, or gives what its administrator may not', async () => {
    const owners = await create({ groupRoles: { staff: 'owner' } });
    expect([owners.status, owners.body.code]).toEqual([403, 'idp_role_refused']);
    expect((await create({ defaultRole: 'owner' })).body.code).toBe('idp_role_refused');
    stack.policy.denies = ({ action, resource }) => action === 'role.grant' && resource.id === 'admin';
    expect((await create({ groupRoles: { staff: 'admin' } })).body.code).toBe('idp_role_refused');
    const idpId = idOf(await create({ groupRoles: { staff: 'viewer' } }));
    const { clientSecret: _s, issuer: _i, ...given } = settings({ groupRoles: { staff: 'admin' } });
    expect((await api(replica, `PUT ${path}/${idpId}`, { key, body: given })).body.code).toBe('idp_role_refused');
    stack.policy.denies = ({ action }) => action === 'idp.write';
    expect((await remove(idpId)).status).toBe(403);
    stack.policy.denies = () => false;
    await remove(idpId);
  });

  it('one with a domain in Unicode, or too much of anything', async () => {
    const groupRoles = Object.fromEntries(Array.from({ length: 201 }, (_, n) => [`g${n}`, 'viewer']));
    for (const wrong of [{ domains: ['exämple.org'] }, { domains: ['org'] }, { groupRoles }, { surprise: 1 }])
      expect((await create(wrong)).status).toBe(400);
  });
});

it('starts in production without loopback issuers only', async () => {
  const { code, output } = await stack.run(['serve'], { NODE_ENV: 'production', ISSUERS_ON_LOOPBACK: 'true' });
  expect([code, output]).toEqual([1, expect.stringContaining('ISSUERS_ON_LOOPBACK')]);
});

it('without the setting refuses issuers of this machine', async () => {
  const careful = await stack.serve();
  await waitFor(async () => (await api(careful, 'GET /me', { key })).status === 200, { message: 'the key to work' });
  const answer = await api(careful, `POST ${path}`, { key, body: settings() });
  expect(answer.body.code).toBe('idp_issuer_refused');
});
