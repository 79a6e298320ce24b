import { createHash, randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { DpopProofs, normalUrl } from './dpop.js';
import { NotAuthenticated } from './principal.js';
import { createTokenVerifier } from './tokens.js';

const now = Date.parse('2026-11-22T12:00:00Z');
const seconds = now / 1_000;
const pair = await generateKeyPair('ES256', { extractable: true });
const other = await generateKeyPair('ES256', { extractable: true });
const privateJwk = (await exportJWK(pair.privateKey)) as JWK;
const otherJwk = await exportJWK(other.publicKey);
const issuerKeys = await generateKeyPair('ES256');
const url = 'https://gate.example/api/v1/things';
const accessToken = 'a.b.c';
const hash = (text: string) => createHash('sha256').update(text).digest('base64url');

interface Change {
  readonly claims?: Record<string, unknown>;
  readonly header?: Record<string, unknown>;
  readonly key?: typeof pair;
}

async function proof({ claims = {}, header = {}, key = pair }: Change = {}): Promise<string> {
  const jwk = await exportJWK(key.publicKey);
  return new SignJWT({ jti: randomUUID(), iat: seconds, htm: 'GET', htu: url, ath: hash(accessToken), ...claims })
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk, ...header })
    .sign(key.privateKey);
}

let proofs: DpopProofs;
beforeEach(() => {
  proofs = new DpopProofs();
});

const expected = { method: 'GET', url, nowMs: now, accessToken };
const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => 'taken',
    (error: unknown) => (error instanceof NotAuthenticated ? error.failure : error),
  );

describe('a proof of possession', () => {
  it('tells the key that signed it', async () => {
    const thumbprint = await calculateJwkThumbprint(await exportJWK(pair.publicKey));
    expect(await proofs.verify(await proof(), expected)).toMatchObject({ thumbprint });
  });

  it.each<[string, Change]>([
    ['for another method', { claims: { htm: 'POST' } }],
    ['for another path', { claims: { htu: 'https://gate.example/api/v1/other' } }],
    ['for another host', { claims: { htu: 'https://evil.example/api/v1/things' } }],
    ['for another scheme', { claims: { htu: 'http://gate.example/api/v1/things' } }],
    ['for another token', { claims: { ath: hash('x.y.z') } }],
    ['for no token', { claims: { ath: undefined } }],
    ['too old', { claims: { iat: seconds - 61 } }],
    ['of the future', { claims: { iat: seconds + 61 } }],
    ['without a time', { claims: { iat: undefined } }],
    ['without a number', { claims: { jti: undefined } }],
    ['with a number without end', { claims: { jti: 'x'.repeat(257) } }],
    ['of another type', { header: { typ: 'JWT' } }],
    ['with a private key', { header: { jwk: privateJwk } }],
    ['with a key that did not sign it', { header: { jwk: otherJwk } }],
    ['without a key', { header: { jwk: undefined } }],
  ])('%s is refused', async (_name, change) => {
    expect(await failureOf(proof(change).then((text) => proofs.verify(text, expected)))).not.toBe('taken');
  });

  it('signed with a shared secret is refused', async () => {
    const text = await new SignJWT({ jti: 'x', iat: seconds, htm: 'GET', htu: url, ath: hash(accessToken) })
      .setProtectedHeader({ alg: 'HS256', typ: 'dpop+jwt', jwk: { kty: 'oct', k: 'c2VjcmV0' } as JWK })
      .sign(Buffer.from('secret'.repeat(6)));
    expect(await failureOf(proofs.verify(text, expected))).toBe('unknown');
  });

  it('is taken once, and its number by another key is another proof', async () => {
    const text = await proof({ claims: { jti: 'one' } });
    await proofs.verify(text, expected);
    expect(await failureOf(proofs.verify(text, expected))).toBe('unknown');
    expect(await failureOf(proofs.verify(await proof({ claims: { jti: 'one' }, key: other }), expected))).toBe('taken');
  });

  it('is not taken when it could not be remembered, until those before are over', async () => {
    const small = new DpopProofs({ maxRemembered: 1 });
    await small.verify(await proof(), expected);
    expect(await failureOf(small.verify(await proof(), expected))).toBe('not_ready');
    const later = { ...expected, nowMs: now + 121_000 };
    const claims = { iat: seconds + 121 };
    expect(await failureOf(small.verify(await proof({ claims }), later))).toBe('taken');
  });

  it.each([
    ['HTTPS://Gate.Example:443/api/v1/%74hings', url],
    ['https://gate.example/api/v1/x/../things?q=1#f', url],
    ['https://gate.example/a%2fb', 'https://gate.example/a%2Fb'],
  ])('compares %s as %s', (one, same) => expect(normalUrl(one)).toBe(normalUrl(same)));

  it.each([
    ['https://gate.example/a%2Fb', 'https://gate.example/a/b'],
    ['https://gate.example/A', 'https://gate.example/a'],
    ['https://gate.example/a/', 'https://gate.example/a'],
    ['https://gate.example:8443/a', 'https://gate.example/a'],
  ])('does not take %s for %s', (one, another) => expect(normalUrl(one)).not.toBe(normalUrl(another)));
});

describe('a token that is bound to a key', () => {
  const issuer = 'https://gate.example';
  const verify = createTokenVerifier({ issuer, audience: 'api', keys: () => issuerKeys.publicKey as never });
  const jktOf = async ({ publicKey }: typeof pair) => calculateJwkThumbprint(await exportJWK(publicKey));
  const token = async (cnf?: object) =>
    new SignJWT({ tenant: 'main', ...(cnf && { cnf }) })
      .setProtectedHeader({ alg: 'ES256', kid: 'k' })
      .setSubject('u-1')
      .setIssuer(issuer)
      .setAudience('api')
      .setExpirationTime(seconds + 60)
      .sign(issuerKeys.privateKey);
  const sentWith = async (bound: string, key = pair) => ({
    proof: await proof({ claims: { ath: hash(bound) }, key }),
    method: 'GET',
    path: '/api/v1/things',
  });

  it('works with a proof of that key, and only with one', async () => {
    const bound = await token({ jkt: await jktOf(pair) });
    expect(await failureOf(verify(bound, now, await sentWith(bound)))).toBe('taken');
    expect(await failureOf(verify(bound, now))).toBe('unknown');
    expect(await failureOf(verify(bound, now, await sentWith(bound, other)))).toBe('unknown');
    const again = await sentWith(bound);
    await verify(bound, now, again);
    expect(await failureOf(verify(bound, now, again))).toBe('unknown');
  });

  it('is refused whatever is proved when it is bound in a way nobody here can check', async () => {
    for (const cnf of [{}, { 'x5t#S256': 'abc' }, { jkt: await jktOf(pair), 'x5t#S256': 'abc' }, { jkt: 7 }]) {
      const bound = await token(cnf);
      expect(await failureOf(verify(bound, now, await sentWith(bound)))).toBe('unknown');
      expect(await failureOf(verify(bound, now))).toBe('unknown');
    }
  });

  it('is not made of a bearer token by sending a proof', async () => {
    const bearer = await token();
    expect(await failureOf(verify(bearer, now, await sentWith(bearer)))).toBe('unknown');
    expect(await failureOf(verify(bearer, now))).toBe('taken');
  });
});
