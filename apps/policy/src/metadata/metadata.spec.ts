import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { metadataOf, originOf } from './metadata.js';
import { metadataKey, signMetadata } from './metadata-key.js';

const origin = 'https://gate.example.org';

describe('metadata', () => {
  it('is of the decision point that was asked for, with the endpoints of all', () => {
    expect(metadataOf(origin, undefined, true)).toMatchObject({
      policy_decision_point: origin,
      access_evaluation_endpoint: `${origin}/access/v1/evaluation`,
      search_action_endpoint: `${origin}/access/v1/search/action`,
      jwks_uri: `${origin}/api/v1/policy/jwks.json`,
    });
    const ofTenant = metadataOf(origin, 'acme', true);
    expect(ofTenant.policy_decision_point).toBe(`${origin}/acme`);
    expect({ ...ofTenant, policy_decision_point: origin }).toEqual(metadataOf(origin, undefined, true));
  });

  it('names no keys where nothing is signed', () => {
    expect(metadataOf(origin, undefined, false)).not.toHaveProperty('jwks_uri');
  });

  it.each(['http://gate.example.org', 'https://gate.example.org/path', 'https://gate.example.org/?q=1'])(
    'is refused for %s',
    (url) => expect(() => originOf(url)).toThrow('PUBLIC_URL'),
  );

  it('belongs to an address without a slash at its end', () => expect(originOf(`${origin}/`)).toBe(origin));
});

describe('signed metadata', () => {
  const key = metadataKey(generateKeyPairSync('ed25519'));
  const document = metadataOf(origin, 'acme', true);
  const now = Date.parse('2026-11-22T08:20:00Z');
  const verify = (jwt: string, currentDate: Date) =>
    jwtVerify(jwt, createLocalJWKSet({ keys: [key.publicJwk] }), { issuer: `${origin}/acme`, currentDate });

  it('says the same as the plain one, by whom it speaks of', async () => {
    const { payload, protectedHeader } = await verify(await signMetadata(key, document, now), new Date(now));
    const { iss, iat, exp, ...claims } = payload;
    expect(claims).toEqual(document);
    expect(iss).toBe(document.policy_decision_point);
    expect(protectedHeader.kid).toBe(key.publicJwk.kid);
    expect(payload).not.toHaveProperty('signed_metadata');
    expect(Number(exp) - Number(iat)).toBe(25 * 3_600);
  });

  it('is the same for a whole hour, and is over after a day', async () => {
    const jwt = await signMetadata(key, document, now);
    expect(await signMetadata(key, document, now + 39 * 60_000)).toBe(jwt);
    expect(await signMetadata(key, document, now + 40 * 60_000)).not.toBe(jwt);
    await expect(verify(jwt, new Date(now + 26 * 3_600_000))).rejects.toThrow('exp');
  });

  it('has no private part in the published key', () => {
    expect(Object.keys(key.publicJwk).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x']);
  });
});
