import { createPublicKey, verify as verifySignature } from 'node:crypto';
import { loadRootKey } from '@gatehouse/crypto';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, type JWTPayload, jwtVerify } from 'jose';
import pg from 'pg';
import { SigningKeys } from '../src/signing-key/signing-keys.service.js';
import { api, works } from './api.fixture.js';
import { type FirstOwner, type Replica, type Stack, startStack } from './stack.fixture.js';

let stack: Stack;
let replica: Replica;
let owner: FirstOwner;
let operator: string;
let ownerKey: string;
let billingKey: string;
let elsewhere: FirstOwner;
const issuer = 'https://gate.example';
const serving = { GUEST_TOKENS: 'on', PUBLIC_URL: issuer };

beforeAll(async () => {
  stack = await startStack();
  owner = await stack.bootstrap();
  elsewhere = await stack.bootstrap('other');
  operator = owner.operatorKey;
  replica = await stack.serve(serving);
  await Promise.all([works(replica, operator), works(replica, elsewhere.operatorKey)]);
  ownerKey = (await api(replica, 'POST /setup', { body: { token: owner.setupToken } })).body.key;
  billingKey = (await api(replica, 'POST /keys', { key: operator, body: { name: 'billing' } })).body.key;
  await Promise.all([works(replica, ownerKey), works(replica, billingKey)]);
  await audience({ name: ' Billing ' });
});

afterAll(() => stack?.stop());

interface Body {
  readonly code: string;
  readonly error: string;
  readonly target_token: string;
  readonly expires_in: number;
  readonly valid: boolean;
  readonly role: string;
  readonly name: string;
  readonly audiences: readonly { name: string; active?: boolean }[];
  readonly nextCursor: string | null;
}

async function call(what: string, key?: string, body?: unknown, address = replica.address) {
  const [method = 'GET', path = ''] = what.split(' ');
  const response = await fetch(`${address}${path}`, {
    method,
    headers: {
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Body };
}

const audience = (body: object, key = operator) => call('POST /api/v1/identity/audiences', key, body);
const mint = (aud = 'billing', key = ownerKey) => call(`GET /api/v1/token?aud=${encodeURIComponent(aud)}`, key);
const check = (token: string, key = billingKey) => call('POST /api/v1/verify', key, { token });
/** Signed with the installation's own key, as only identity can. */
async function sign(claims: JWTPayload, typ: string): Promise<string> {
  const { DATABASE_SYSTEM_URL: connectionString, ROOT_KEY_FILE = '' } = stack.env();
  const pool = new pg.Pool({ connectionString, max: 1 });
  const keys = new SigningKeys({
    pool,
    root: loadRootKey(ROOT_KEY_FILE),
    algorithm: 'ES256',
    onError: () => undefined,
  });
  await keys.refresh(Date.now());
  await pool.end();
  return keys.sign(claims, { typ, lifetimeSeconds: 60, nowMs: Date.now() });
}
const tokenFor = async (aud?: string, key?: string) => (await mint(aud, key)).body.target_token;

describe('audiences', () => {
  it('are named in lower case, trimmed, and once in the installation', async () => {
    expect(await audience({ name: 'BILLING' })).toMatchObject({ status: 409, body: { code: 'audience_name_taken' } });
    expect(await audience({ name: 'billing' }, elsewhere.operatorKey)).toMatchObject({ status: 409 });
    const race = await Promise.all(Array.from({ length: 6 }, () => audience({ name: 'raced' })));
    expect(race.map(({ status }) => status).sort()).toEqual([201, ...Array(5).fill(409)]);
  });

  it('refuse guests and everybody of other tenants unless told so', async () => {
    expect((await call('GET /api/v1/identity/audiences/billing', operator)).body).toMatchObject({
      ...{ name: 'billing', active: true, access: 'tenant', guests: false, showsEmail: false, revision: 1 },
    });
  });

  it('of another tenant are neither seen nor changed, by the API and by PostgreSQL', async () => {
    const key = elsewhere.operatorKey;
    for (const what of ['GET', 'PATCH'])
      expect(
        await call(`${what} /api/v1/identity/audiences/billing`, key, what === 'GET' ? undefined : {}),
      ).toMatchObject({ status: 404 });
    expect(await call('POST /api/v1/identity/audiences/billing/deactivate', key, {})).toMatchObject({ status: 404 });
    expect((await call('GET /api/v1/identity/audiences', key)).body.audiences).toEqual([]);
    const client = new pg.Client(stack.databaseUrl());
    await client.connect();
    const seenBy = async (tenantId: string) => {
      await client.query(`select set_config('gatehouse.tenant', $1, false)`, [tenantId]);
      return (await client.query('select name from audiences')).rows.length;
    };
    const seen = [await seenBy('other'), (await seenBy('main')) > 0];
    await client.end();
    expect(seen).toEqual([0, true]);
  });

  it('are listed a page at a time', async () => {
    const first = (await call('GET /api/v1/identity/audiences?limit=1', operator)).body;
    expect(first.audiences.map(({ name }) => name)).toEqual(['billing']);
    const second = (await call(`GET /api/v1/identity/audiences?limit=1&cursor=${first.nextCursor}`, operator)).body;
    expect(second.audiences.map(({ name }) => name)).toEqual(['raced']);
  });

  it('are made by whom policy allows', async () => {
    stack.policy.denies = ({ action }) => action === 'audience.write';
    const refused = await audience({ name: 'refused' });
    stack.policy.denies = () => false;
    expect(refused.status).toBe(403);
    expect(stack.policy.asked.at(-1)).toMatchObject({ action: 'audience.write', resource: { type: 'tenant' } });
  });
});

describe('a token for an audience', () => {
  it('lives a minute and is checked with the public keys alone', async () => {
    const answer = await mint(' BILLING');
    expect(answer).toMatchObject({ status: 200, body: { expires_in: 60 } });
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const keys = createRemoteJWKSet(new URL(`${replica.address}/.well-known/jwks.json`));
    const { payload, protectedHeader } = await jwtVerify(answer.body.target_token, keys, {
      issuer,
      audience: 'billing',
    });
    expect(protectedHeader).toEqual({ alg: 'ES256', kid: expect.any(String), typ: 'satellite+jwt' });
    expect(payload).toEqual({
      ...{ iss: issuer, aud: 'billing', sub: owner.ownerId, role: 'owner', tenant: 'main' },
      ...{ iat: expect.any(Number), exp: (payload.iat ?? 0) + 60, jti: expect.any(String) },
    });
  });

  it('needs nothing of ours to be checked: node:crypto and the key set do', async () => {
    const token = await tokenFor();
    const [header = '', payload = '', signature = ''] = token.split('.');
    const { keys } = (await (await fetch(`${replica.address}/.well-known/jwks.json`)).json()) as {
      keys: { kid: string }[];
    };
    const jwk = keys.find(({ kid }) => kid === decodeProtectedHeader(token).kid);
    const key = { key: createPublicKey({ key: jwk as never, format: 'jwk' }), dsaEncoding: 'ieee-p1363' } as const;
    const bytes = (text: string) => Buffer.from(text, 'base64url');
    expect(verifySignature('sha256', Buffer.from(`${header}.${payload}`), key, bytes(signature))).toBe(true);
    expect(verifySignature('sha256', Buffer.from(`${header}.${payload}x`), key, bytes(signature))).toBe(false);
  });

  it('is one recorded decision on that audience, and none is made when policy refuses', async () => {
    const before = stack.policy.asked.length;
    await mint();
    expect(stack.policy.asked.slice(before).map(({ action, resource }) => [action, resource])).toEqual([
      ['token.mint', { type: 'audience', id: 'billing' }],
    ]);
    stack.policy.denies = ({ action }) => action === 'token.mint';
    const refused = await mint();
    stack.policy.denies = () => false;
    expect(refused).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    expect(JSON.stringify(refused.body)).not.toContain('target_token');
  });

  it.each([
    ['', 400, 'MISSING_AUDIENCE', 'missing_audience'],
    ['?aud=', 400, 'MISSING_AUDIENCE', 'missing_audience'],
    ['?aud=nobody', 404, 'AUDIENCE_NOT_FOUND', 'audience_not_found'],
    ['?aud=urn%3Agatehouse%3Aapi', 404, 'AUDIENCE_NOT_FOUND', 'audience_not_found'],
  ])('with %j answers %d %s', async (query, status, error, code) => {
    expect(await call(`GET /api/v1/token${query}`, ownerKey)).toMatchObject({ status, body: { error, code } });
  });

  it('is for callers of the audience’s tenant, or for anyone if it says so', async () => {
    const stranger = elsewhere.operatorKey;
    expect(await mint('billing', stranger)).toMatchObject({ status: 404, body: { error: 'AUDIENCE_NOT_FOUND' } });
    await audience({ name: 'open-to-all', access: 'anyone' });
    expect(decodeJwt(await tokenFor('open-to-all', stranger))).toMatchObject({
      ...{ sub: 'service:other:operator', tenant: 'other', aud: 'open-to-all' },
    });
    const names = async (key: string) =>
      (await call('GET /api/v1/token/audiences', key)).body.audiences.map(({ name }) => name);
    expect(await names(stranger)).toEqual(['open-to-all']);
    expect(await names(ownerKey)).toEqual(['billing', 'open-to-all', 'raced']);
  });

  it('is not made for another tenant’s audience by a sign-in that opens one tenant only', async () => {
    await audience({ name: 'for-everybody', access: 'anyone' });
    const { ownerId: sub } = elsewhere;
    const claims = { iss: issuer, sub, aud: 'urn:gatehouse:api', tenant: 'other', role: 'owner' };
    const signedIn = (more: object) => sign({ ...claims, ...more, jti: crypto.randomUUID() }, 'at+jwt');
    expect(await mint('for-everybody', await signedIn({}))).toMatchObject({ status: 200 });
    expect(await mint('for-everybody', await signedIn({ tenant_fixed: true }))).toMatchObject({ status: 404 });
  });

  it('is not made for an inactive audience', async () => {
    await audience({ name: 'resting' });
    await call('POST /api/v1/identity/audiences/resting/deactivate', operator, { reason: 'moved' });
    expect(await mint('resting')).toMatchObject({ status: 409, body: { error: 'AUDIENCE_INACTIVE' } });
    await call('POST /api/v1/identity/audiences/resting/reactivate', operator);
    expect(await mint('resting')).toMatchObject({ status: 200 });
  });

  it('is never taken for a token of our API, whatever else it says, nor one of those for it', async () => {
    expect(await call('GET /api/v1/identity/me', await tokenFor())).toMatchObject({ status: 401 });
    const claims = { iss: issuer, sub: owner.ownerId, tenant: 'main', role: 'owner', jti: crypto.randomUUID() };
    const forApi = { ...claims, aud: 'urn:gatehouse:api' };
    expect(await call('GET /api/v1/identity/me', await sign(forApi, 'at+jwt'))).toMatchObject({ status: 200 });
    expect(await call('GET /api/v1/identity/me', await sign(forApi, 'satellite+jwt'))).toMatchObject({ status: 401 });
    const forBilling = { ...claims, aud: 'billing' };
    expect((await check(await sign(forBilling, 'satellite+jwt'))).body).toMatchObject({ valid: true });
    expect((await check(await sign(forBilling, 'at+jwt'))).body).toMatchObject({
      valid: false,
      error: 'invalid_token',
    });
  });
});

describe('a token for a guest', () => {
  const asGuest = (aud: string, address?: string) =>
    call(`GET /api/v1/token/guest?aud=${aud}`, undefined, undefined, address);

  it('is there for audiences that allow it; others do not even exist for guests', async () => {
    expect(await asGuest('billing')).toMatchObject({ status: 404, body: { error: 'AUDIENCE_NOT_FOUND' } });
    await audience({ name: 'public-wiki', guests: true });
    const answer = await asGuest('Public-Wiki');
    expect(answer.status).toBe(200);
    const claims = decodeJwt(answer.body.target_token);
    expect(claims).toMatchObject({ sub: 'guest', role: 'guest', aud: 'public-wiki', iss: issuer });
    expect(claims).not.toHaveProperty('tenant');
  });

  it('is not there where the installation gives none', async () => {
    const strict = await stack.serve();
    expect(await asGuest('public-wiki', strict.address)).toMatchObject({
      status: 403,
      body: { error: 'GUESTS_NOT_ALLOWED' },
    });
  });
});

describe('/api/v1/verify', () => {
  it('tells the service that is the audience who holds the token, and not the address', async () => {
    const { status, body } = await check(await tokenFor());
    expect(status).toBe(200);
    expect(body).toEqual({
      ...{ valid: true, sub: owner.ownerId, role: 'owner', aud: 'billing', tenant: 'main' },
      ...{ exp: expect.any(Number), iat: expect.any(Number) },
    });
  });

  it('tells the address where the tenant lets its service see it', async () => {
    await call('PATCH /api/v1/identity/audiences/billing', operator, { showsEmail: true });
    expect((await check(await tokenFor())).body).toMatchObject({ valid: true, email: 'owner@main.localhost' });
    await call('PATCH /api/v1/identity/audiences/billing', operator, { showsEmail: false });
  });

  it('answers nobody but that service', async () => {
    const token = await tokenFor();
    for (const key of [ownerKey, operator, elsewhere.operatorKey])
      expect(await check(token, key)).toMatchObject({ status: 403, body: { code: 'not_an_audience' } });
    expect(await call('POST /api/v1/verify', undefined, { token })).toMatchObject({ status: 401 });
    const twin = await api(replica, 'POST /keys', { key: elsewhere.operatorKey, body: { name: 'billing' } });
    await works(replica, twin.body.key);
    expect(await check(token, twin.body.key)).toMatchObject({ status: 403 });
  });

  it('says that a token for another audience is not valid', async () => {
    expect((await check(await tokenFor('raced'))).body).toEqual({
      ...{ valid: false, error: 'audience_mismatch', message: 'The token is for another audience' },
    });
  });

  it('does not let a token outlive the key of its service', async () => {
    const made = (await api(replica, 'POST /keys', { key: operator, body: { name: 'robot', roles: ['viewer'] } })).body;
    await works(replica, made.key);
    const token = await tokenFor('billing', made.key);
    expect((await check(token)).body).toMatchObject({ valid: true, sub: 'service:main:robot', role: 'viewer' });
    await api(replica, `POST /keys/${made.keyId}/disable`, { key: operator });
    expect((await check(token)).body).toMatchObject({ valid: false, error: 'user_inactive' });
  });

  it('does not let a token outlive its person', async () => {
    const token = await tokenFor();
    const set = (status: string) =>
      stack.superuser('update identity.people set status = $1 where user_id = $2', [status, owner.ownerId]);
    await set('disabled');
    expect((await check(token)).body).toMatchObject({ valid: false, error: 'user_inactive' });
    expect(await mint()).toMatchObject({ status: 403 });
    await set('active');
    expect((await check(token)).body).toMatchObject({ valid: true });
  });

  it('says what is wrong with text that is no token', async () => {
    expect((await check('not a token')).body).toMatchObject({ valid: false, error: 'invalid_token_format' });
    expect(await call('POST /api/v1/verify', billingKey, { token: 'x'.repeat(9_000) })).toMatchObject({ status: 400 });
  });
});

describe.each(['RS256', 'EdDSA'] as const)('with TOKEN_ALGORITHM=%s', (algorithm) => {
  it('tokens are signed and checked the same way', async () => {
    await stack.stopReplicas();
    await stack.superuser('delete from identity.signing_keys');
    replica = await stack.serve({ ...serving, TOKEN_ALGORITHM: algorithm });
    await waitFor(async () => (await mint()).status === 200);
    const token = await tokenFor();
    const keys = createRemoteJWKSet(new URL(`${replica.address}/.well-known/jwks.json`));
    const { protectedHeader } = await jwtVerify(token, keys, { issuer, audience: 'billing' });
    expect(protectedHeader.alg).toBe(algorithm);
    expect((await check(token)).body).toMatchObject({ valid: true });
  });
});
