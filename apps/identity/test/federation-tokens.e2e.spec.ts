import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { api } from './api.fixture.js';
import { type Claims, type FederationStack, sessionOf, startFederation } from './federation.fixture.js';
import type { Forgery } from './foreign-op/forge.js';

const audience = 'urn:example:api';
let world: FederationStack;
let idpId: string;
let person: Claims;
let userId: string;

beforeAll(async () => {
  world = await startFederation();
  idpId = await world.configure({ defaultRole: 'developer', acceptTokens: { audience } });
  person = world.newPerson();
  userId = (await sessionOf((await world.signIn(person, { idpId })).browser)).sub;
  const token = await world.op.token({ sub: person.sub, aud: audience });
  await waitFor(async () => (await me(token)).status === 200, { message: 'the issuer to be known' });
});

afterAll(() => world?.stop());

beforeEach(() => world.op.control({ jwks: 'fine' }));

const me = (key: string, headers: Record<string, string> = {}) => api(world.replica, 'GET /me', { key, headers });
const tokenOf = (claims: object = {}, forgery?: Forgery) =>
  world.op.token({ sub: person.sub, aud: audience, ...claims }, forgery);

describe('an API token of another issuer', () => {
  it('is the linked person, in the tenant that accepts it and in no other', async () => {
    const token = await tokenOf();
    expect((await me(token)).body).toMatchObject({ type: 'user', id: userId, tenantId: 'main' });
    // The person is a member of the own workspace, too; this token was not given for it.
    expect((await me(token, { 'x-tenant-id': `p-${userId}` })).status).toBe(403);
    expect((await me(await tokenOf({ aud: ['else', audience] }))).status).toBe(200);
  });

  it.each([
    ['of another audience', { aud: 'urn:example:api2' }],
    ['for the client: an identity token', { aud: 'gatehouse' }],
    ['that says it is an identity token', { typ: 'ID' }],
    ['of somebody who is not linked', { sub: 'stranger' }],
    ['of another issuer', { iss: 'https://id.example.org' }],
    ['that is over', { exp: 1_700_000_000 }],
    ['that never ends', { exp: null }],
    ['that is not valid yet', { nbf: 4_000_000_000 }],
    ['that is bound to a key', { cnf: { jkt: 'x' } }],
    ['that names a tenant and a person of ours', { sub: 'stranger', tenant: 'other', principal: 'service' }],
  ])('%s is nobody', async (_what, claims) => {
    expect((await me(await tokenOf(claims))).status).toBe(401);
  });

  it.each<Forgery>(['hs256_of_public_key', 'unpublished_key'])('signed as %s is nobody', async (forgery) => {
    expect((await me(await tokenOf({}, forgery))).status).toBe(401);
  });

  it('cannot take more rights than its person has by claims of its own', async () => {
    const { body } = await me(await tokenOf({ tenant: 'other', principal: 'service', permissions: ['*'], sid: 'x' }));
    expect(body).toMatchObject({ type: 'user', id: userId, tenantId: 'main' });
  });

  it('works while the issuer is away', async () => {
    const known = await tokenOf();
    await world.op.control({ jwks: 'down' });
    expect((await me(known)).status).toBe(200);
    expect((await me(await tokenOf({ jti: 'another' }))).status).toBe(200);
  });

  it('makes one fetch of keys, however many unknown ones are named', async () => {
    const forged = await Promise.all(
      Array.from({ length: 30 }, async (_, n) => {
        const [, claims, signature] = (await tokenOf({ n })).split('.');
        const header = Buffer.from(JSON.stringify({ alg: 'RS256', kid: `unknown-${n}` })).toString('base64url');
        return `${header}.${claims}.${signature}`;
      }),
    );
    const before = (await world.op.counts()).jwks ?? 0;
    const answers = await Promise.all(forged.map((token) => me(token)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
    expect(((await world.op.counts()).jwks ?? 0) - before).toBeLessThanOrEqual(1);
  });
});

describe('the end of a token', () => {
  const gone = (token: string) =>
    waitFor(async () => (await me(token)).status === 401, { message: 'the token to end' });

  it('is the end of the link, of the acceptance, and of the provider', async () => {
    const token = await tokenOf();
    expect((await me(token)).status).toBe(200);
    await api(world.replica, `DELETE /identity-providers/${idpId}/links/${userId}`, { key: world.key });
    await gone(token);

    const second = world.newPerson();
    await sessionOf((await world.signIn(second, { idpId })).browser);
    const other = await tokenOf({ sub: second.sub });
    await waitFor(async () => (await me(other)).status === 200, { message: 'the link to be known' });
    await world.change(idpId, { acceptTokens: undefined });
    await gone(other);
    await world.change(idpId, { acceptTokens: { audience } });
    await waitFor(async () => (await me(other)).status === 200, { message: 'the issuer to be known again' });
    await api(world.replica, `DELETE /identity-providers/${idpId}`, { key: world.key });
    await gone(other);
  });
});

it('of a key that nobody knows is 503 while the issuer is away: it may be a new one', async () => {
  const again = await world.configure({ defaultRole: 'developer', acceptTokens: { audience } });
  const somebody = world.newPerson();
  await sessionOf((await world.signIn(somebody, { idpId: again })).browser);
  await waitFor(async () => (await me(await tokenOf({ sub: somebody.sub }))).status === 200, { message: 'the issuer' });
  await world.op.rotate();
  await world.op.control({ jwks: 'down' });
  expect((await me(await tokenOf({ sub: somebody.sub }))).status).toBe(503);
  await world.op.control({ jwks: 'huge' });
  expect((await me(await tokenOf({ sub: somebody.sub }))).status).toBe(503);
});

it('is not accepted for the audience that identity tokens have', async () => {
  await expect(world.configure({ clientId: 'a', acceptTokens: { audience: 'a' } })).rejects.toThrow(
    'idp_audience_refused',
  );
});
