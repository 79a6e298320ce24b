import { createPublicKey, createSecretKey } from 'node:crypto';
import { createTokenVerifier, tokenAudience } from '@gatehouse/authn';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type JWK, SignJWT } from 'jose';
import { api } from './api.fixture.js';
import { basic, claimsOf, type OidcStack, postForm, type Registered, startOidc } from './oidc.fixture.js';

let oidc: OidcStack;
let service: Registered;

beforeAll(async () => {
  oidc = await startOidc();
  service = await oidc.register({ kind: 'service', permissions: ['*'] });
});

afterAll(() => oidc?.stop());

const jwks = async () => ((await (await fetch(`${oidc.issuer}/.well-known/jwks.json`)).json()) as { keys: JWK[] }).keys;
const newToken = async () =>
  (await postForm(`${oidc.issuer}/oidc/token`, { grant_type: 'client_credentials', scope: '*' }, basic(service))).body
    .access_token ?? '';
const kidOf = (token: string): string =>
  (JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { kid: string }).kid;
const status = async (token: string) => (await api(oidc.replica, 'GET /me', { key: token })).status;
const introspected = async (token: string) =>
  (await postForm(`${oidc.issuer}/oidc/introspect`, { token }, basic(service))).body.active as unknown as boolean;
const eventsOf = async (type: string) =>
  (
    await oidc.stack.superuser<{ envelope: string }>('select envelope from identity.events where type = $1', [type])
  ).map(({ envelope }) => JSON.parse(envelope) as { data: { kid: string; algorithm: string } });

describe('signing keys', () => {
  it('are published without their private part', async () => {
    for (const key of await jwks())
      expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
  });

  it('are rotated: tokens of the old key work during the overlap, those of the new one at once, everywhere', async () => {
    const remote = createTokenVerifier({
      issuer: oidc.issuer,
      audience: tokenAudience,
      typ: 'at+jwt',
      jwksUrl: `${oidc.issuer}/.well-known/jwks.json`,
    });
    const old = await newToken();
    expect((await remote(old, Date.now())).type).toBe('service');
    // As if its time to sign were over: the next key is made, announced, and signs from now on.
    await oidc.stack.superuser(`update identity.signing_keys set signs_until = now()`);
    const second = await oidc.stack.serve(oidc.env);
    const fresh = await waitFor(async () => {
      const answer = await postForm(
        `${second.address}/oidc/token`,
        { grant_type: 'client_credentials', scope: '*' },
        basic(service),
      );
      return answer.body.access_token;
    });
    expect(kidOf(fresh)).not.toBe(kidOf(old));
    const published = ((await (await fetch(`${second.address}/.well-known/jwks.json`)).json()) as { keys: JWK[] }).keys;
    expect(published.map(({ kid }) => kid)).toEqual(expect.arrayContaining([kidOf(fresh), kidOf(old)]));
    expect((await api(second, 'GET /me', { key: old })).status).toBe(200);
    expect((await api(second, 'GET /me', { key: fresh })).status).toBe(200);
    // A verifier elsewhere has never heard of the key: it fetches the published ones again.
    const elsewhere = createTokenVerifier({
      issuer: oidc.issuer,
      audience: tokenAudience,
      jwksUrl: `${second.address}/.well-known/jwks.json`,
    });
    expect((await elsewhere(old, Date.now())).id).toBe((await elsewhere(fresh, Date.now())).id);
    // The overlap ends: the old key is forgotten, and with it every token that it signed.
    await oidc.stack.superuser(`update identity.signing_keys set published_until = now() where kid = $1`, [kidOf(old)]);
    const third = await oidc.stack.serve(oidc.env);
    expect((await api(third, 'GET /me', { key: old })).status).toBe(401);
    expect((await api(third, 'GET /me', { key: fresh })).status).toBe(200);
    const retired = await eventsOf('signing_key.retired');
    expect(retired.map(({ data }) => data.kid)).toEqual([kidOf(old)]);
    await Promise.all([second, third].map((replica) => replica.stop()));
  });

  it('are told to the ledger by their number only', async () => {
    const created = await eventsOf('signing_key.created');
    expect(created.length).toBeGreaterThanOrEqual(2);
    for (const { data } of created) expect(Object.keys(data).sort()).toEqual(['algorithm', 'kid']);
  });
});

describe('tokens that somebody made up', () => {
  const header = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

  it.each<[string, (token: string, jwk: JWK) => Promise<string> | string]>([
    ['unsigned', (token) => `${header({ alg: 'none', typ: 'at+jwt' })}.${token.split('.')[1]}.x`],
    [
      'signed with the public key as a shared secret',
      async (token, jwk) => {
        const pem = createPublicKey({ key: jwk as never, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
        return new SignJWT(claimsOf(token))
          .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: String(jwk.kid) })
          .sign(createSecretKey(Buffer.from(pem)));
      },
    ],
    [
      'with an extension that must be understood',
      (token) => {
        const [head = '', ...rest] = token.split('.');
        const known = JSON.parse(Buffer.from(head, 'base64url').toString()) as object;
        return [header({ ...known, crit: ['exp'] }), ...rest].join('.');
      },
    ],
    [
      'with a key of their own in the header',
      (token, jwk) => {
        const [, ...rest] = token.split('.');
        return [header({ alg: 'ES256', typ: 'at+jwt', jwk, jku: 'https://evil.example/jwks' }), ...rest].join('.');
      },
    ],
    [
      'with an unknown key',
      (token) => [header({ alg: 'ES256', typ: 'at+jwt', kid: 'x' }), ...token.split('.').slice(1)].join('.'),
    ],
    [
      'encrypted, to be unpacked',
      () => `${header({ alg: 'dir', enc: 'A256GCM', zip: 'DEF' })}..AAAA.${'A'.repeat(6_000)}.AAAA`,
    ],
    ['longer than any of ours', (token) => `${token}${'A'.repeat(10_000)}`],
  ])('%s are worth nothing', async (_name, make) => {
    const token = await newToken();
    expect(await status(token)).toBe(200);
    const [jwk = {}] = (await jwks()).filter(({ kid }) => kid === kidOf(token));
    const forged = await make(token, jwk as JWK);
    expect(await status(forged)).toBe(401);
    expect(await introspected(forged)).toBeFalsy();
  });

  it('of another kind are no access tokens: an id token of ours is none', async () => {
    const claims = { iss: oidc.issuer, aud: tokenAudience, sub: oidc.owner.ownerId, tenant: 'main' };
    const idToken = await oidc.signingKeys.sign(claims, { typ: 'JWT', lifetimeSeconds: 60, nowMs: Date.now() });
    expect(await status(idToken)).toBe(401);
    expect(await introspected(idToken)).toBeFalsy();
  });
});
