import { randomUUID } from 'node:crypto';
import { tokenAudience } from '@gatehouse/authn';
import { loadRootKey } from '@gatehouse/crypto';
import { PostgresEventStore } from '@gatehouse/event-store';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { JWTPayload } from 'jose';
import pg from 'pg';
import { SigningKeys } from '../src/signing-key/signing-keys.service.js';
import { api, works } from './api.fixture.js';
import { type FirstOwner, type Replica, type Stack, startStack } from './stack.fixture.js';

const issuer = 'https://gate.example';
let stack: Stack;
let usual: Replica;
let marie: Replica;
let owner: FirstOwner;
let foreign: FirstOwner;
let keys: SigningKeys;
let log: PostgresEventStore;
let pools: pg.Pool[];
let userKey: string;

beforeAll(async () => {
  stack = await startStack();
  owner = await stack.bootstrap();
  foreign = await stack.bootstrap('foreign');
  usual = await stack.serve({ PUBLIC_URL: issuer });
  marie = await stack.serveApart({ PUBLIC_URL: issuer, AUTH_STATUS_PROFILE: 'marie' });
  const { DATABASE_SYSTEM_URL, DATABASE_URL, ROOT_KEY_FILE = '' } = stack.env();
  pools = [DATABASE_SYSTEM_URL, DATABASE_URL].map((connectionString) => new pg.Pool({ connectionString, max: 1 }));
  const [system, request] = pools as [pg.Pool, pg.Pool];
  keys = new SigningKeys({
    pool: system,
    root: loadRootKey(ROOT_KEY_FILE),
    algorithm: 'ES256',
    onError: () => undefined,
  });
  await keys.refresh(Date.now());
  log = new PostgresEventStore({ service: 'identity', pool: request });
  await happened('second', 'tenant.created', { name: 'second', ownerId: owner.ownerId });
  await happened('strict', 'tenant.created', { name: 'strict', ownerId: owner.ownerId });
  await happened('strict', 'tenant.settings_changed', { requireSecondFactor: true });
  userKey = (await api(usual, 'POST /setup', { body: { token: owner.setupToken } })).body.key;
  for (const replica of [usual, marie]) {
    for (const key of [userKey, owner.operatorKey, foreign.operatorKey]) await works(replica, key);
    await waitFor(async () => (await me(replica, userKey, { 'x-tenant-id': 'strict' })).status === 200);
  }
});

afterAll(async () => {
  for (const pool of pools ?? []) await pool.end();
  await stack?.stop();
});

/** An event as its own area would write it. */
const happened = (tenantId: string, type: string, data: object) =>
  log.append(`test:${randomUUID()}`, [{ type, version: 1, data }], {
    expectedRevision: 0,
    context: { tenantId, actor: { type: 'system', id: 'test' }, now: Date.now(), correlationId: '' },
  });

const token = (claims: JWTPayload = {}) =>
  keys.sign(
    {
      iss: issuer,
      aud: tokenAudience,
      sub: owner.ownerId,
      tenant: 'main',
      sid: randomUUID(),
      amr: ['pwd'],
      jti: randomUUID(),
      ...claims,
    },
    { typ: 'at+jwt', lifetimeSeconds: 300, nowMs: Date.now() },
  );

async function me(replica: Replica, bearer: string, headers: Record<string, string> = {}, path = '/me') {
  const { status, body } = await api(replica, `GET ${path}`, { key: bearer, headers });
  return { status, body: body as unknown as Record<string, unknown> };
}

type Bearer = 'token' | 'user key' | 'service key';
const bearerOf = async (bearer: Bearer): Promise<string> =>
  bearer === 'token' ? token() : bearer === 'user key' ? userKey : owner.operatorKey;

/** What a caller sends, and what he gets: the same in both status profiles. */
const table: readonly (readonly [Bearer, Record<string, string>, number, string])[] = [
  ['token', {}, 200, 'main'],
  ['token', { 'x-tenant-id': 'second' }, 200, 'second'],
  ['token', { 'x-tenant-name': 'second' }, 200, 'second'],
  ['token', { 'x-tenant-id': 'second', 'x-tenant-name': 'second' }, 200, 'second'],
  ['token', { 'x-tenant-id': 'second', 'x-tenant-name': 'main' }, 400, 'tenant_headers_differ'],
  ['token', { 'x-tenant-id': 'foreign' }, 403, 'not_a_member'],
  ['token', { 'x-tenant-name': 'foreign' }, 403, 'not_a_member'],
  ['token', { 'x-tenant-id': 'nowhere' }, 404, 'tenant_not_found'],
  ['token', { 'x-tenant-id': 'second, main' }, 404, 'tenant_not_found'],
  ['token', { 'x-tenant-id': `"'; drop table` }, 404, 'tenant_not_found'],
  ['user key', {}, 200, 'main'],
  ['user key', { 'x-tenant-id': 'second' }, 200, 'second'],
  ['user key', { 'x-tenant-id': 'strict' }, 200, 'strict'],
  ['user key', { 'x-tenant-id': 'foreign' }, 403, 'not_a_member'],
  ['service key', { 'x-tenant-id': 'main' }, 200, 'main'],
  ['service key', { 'x-tenant-id': 'second' }, 403, 'not_a_member'],
  ['service key', { 'x-tenant-id': 'foreign' }, 403, 'not_a_member'],
  ['service key', { 'x-tenant-id': 'nowhere' }, 404, 'tenant_not_found'],
];

describe.each(['default', 'marie'] as const)('tenant from the credential, status profile %s', (profile) => {
  it.each(table)('%s with %j: %i %s', async (bearer, headers, status, expected) => {
    const answer = await me(profile === 'default' ? usual : marie, await bearerOf(bearer), headers);
    expect({ status: answer.status, is: answer.body.tenantId ?? answer.body.code }).toEqual({ status, is: expected });
  });

  it('a header opens nothing to whoever is not recognised', async () => {
    const replica = profile === 'default' ? usual : marie;
    for (const headers of [{ 'x-tenant-id': 'main' }, { 'x-tenant-id': 'nowhere' }])
      expect(await me(replica, await token({ iss: 'https://other.example' }), headers)).toMatchObject({ status: 401 });
  });
});

describe('the tenant that was chosen', () => {
  it('is the one the decision is asked about and the rows are read from', async () => {
    const before = stack.policy.asked.length;
    const answer = await me(usual, await token(), { 'x-tenant-id': 'second' }, '/keys');
    expect(answer).toMatchObject({ status: 200, body: { keys: [] } });
    expect(stack.policy.asked.slice(before)).toEqual([
      expect.objectContaining({ tenantId: 'second', resource: { type: 'tenant', id: 'second' } }),
    ]);
  });

  it('ends with the membership, also for a token that was verified before', async () => {
    const userId = randomUUID();
    await happened('second', 'member.added', { userId, role: 'viewer', via: 'invitation' });
    const bearer = await token({ sub: userId, tenant: 'second' });
    await waitFor(async () => (await me(usual, bearer)).status === 200);
    expect((await me(usual, bearer)).body).toMatchObject({ tenantId: 'second', role: 'viewer' });
    await happened('second', 'member.removed', { userId, role: 'viewer', reason: 'removed' });
    await waitFor(async () => (await me(usual, bearer)).status === 403);
  });
});

describe('a tenant that asks for a second factor', () => {
  const strict = { 'x-tenant-id': 'strict' };

  it('refuses a token without one, and takes one with it', async () => {
    expect(await me(usual, await token(), strict, '/keys')).toMatchObject({
      status: 403,
      body: { code: 'tenant_needs_second_factor' },
    });
    for (const method of ['otp', 'hwk', 'mfa', 'rec'])
      expect(await me(usual, await token({ amr: ['pwd', method] }), strict, '/keys')).toMatchObject({ status: 200 });
    // Made where a password alone does: it must not carry its holder past the factor.
    expect(await me(usual, userKey, strict, '/keys')).toMatchObject({
      status: 403,
      body: { code: 'tenant_needs_second_factor' },
    });
  });

  it('still says to its member who he is', async () => {
    expect(await me(usual, await token(), strict)).toMatchObject({ status: 200, body: { tenantId: 'strict' } });
  });
});

describe('a token', () => {
  it.each([
    ['session.ended', (id: string) => ({ sessionId: id, userId: owner.ownerId, reason: 'signed_out' })],
    ['oauth_grant.revoked', (id: string) => ({ grantId: id, clientId: 'client', reason: 'revoked' })],
  ])('is refused after %s, remembered or not', async (type, data) => {
    const sid = randomUUID();
    const [bearer, other] = [await token({ sid }), await token()];
    expect(await me(usual, bearer)).toMatchObject({ status: 200, body: { sessionId: sid, role: 'owner' } });
    await happened('main', type, data(sid));
    await waitFor(async () => (await me(usual, bearer)).status === 401);
    expect((await me(usual, await token({ sid }))).status).toBe(401);
    expect((await me(usual, other)).status).toBe(200);
  });

  it('of somebody disabled is refused, and so is that person’s key', async () => {
    await happened('main', 'user.disabled', { userId: owner.ownerId });
    await waitFor(async () => (await me(usual, userKey)).status === 401);
    expect((await me(usual, await token())).status).toBe(401);
    expect((await me(usual, owner.operatorKey)).status).toBe(200);
    await happened('main', 'user.enabled', { userId: owner.ownerId });
    await waitFor(async () => (await me(usual, userKey)).status === 200);
  });

  it('with scopes reaches its own affairs only if they are among them', async () => {
    expect(await me(usual, await token({ permissions: ['logs.*'] }))).toMatchObject({
      status: 200,
      body: { scopes: ['logs.*'] },
    });
    const before = stack.policy.asked.length;
    await me(usual, await token({ permissions: ['logs.*'] }), {}, '/keys');
    expect(stack.policy.asked.slice(before)).toEqual([expect.objectContaining({ scopes: ['logs.*'] })]);
  });
});
