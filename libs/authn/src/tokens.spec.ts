import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { NotAuthenticated } from './principal.js';
import { createTokenVerifier } from './tokens.js';

const issuer = 'https://issuer.example';
const audience = 'gatehouse';
const now = Date.parse('2026-11-22T12:00:00Z');
const keys = { known: await generateKeyPair('ES256'), foreign: await generateKeyPair('ES256') };

let server: Server;
let fetches = 0;
let jwksUrl: string;

beforeAll(async () => {
  const jwk = { ...(await exportJWK(keys.known.publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' };
  server = createServer((_request, response) => {
    fetches++;
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  jwksUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
});
afterAll(() => void server.close());

interface Claims {
  readonly sub?: string | undefined;
  readonly tenant?: unknown;
  readonly iss?: string;
  readonly aud?: string;
  readonly exp?: number;
}

const token = (
  { sub = 'u-1', tenant = 'main', iss = issuer, aud = audience, exp = now / 1_000 + 60 }: Claims = {},
  key = keys.known.privateKey,
) =>
  new SignJWT({ tenant })
    .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
    .setSubject(sub)
    .setIssuer(iss)
    .setAudience(aud)
    .setExpirationTime(exp)
    .sign(key);

const verifier = () => createTokenVerifier({ issuer, audience, jwksUrl });
const failureOf = async (text: string) => {
  const error = await verifier()(text, now).catch((caught: unknown) => caught);
  return error instanceof NotAuthenticated ? error.failure : error;
};

describe('access tokens', () => {
  it('give the person and the tenant they name', async () => {
    expect(await verifier()(await token(), now)).toEqual({ type: 'user', id: 'u-1', tenantId: 'main' });
  });

  it.each([
    ['expired', async () => token({ exp: now / 1_000 - 60 }), 'expired'],
    ['of another issuer', async () => token({ iss: 'https://other.example' }), 'unknown'],
    ['for another audience', async () => token({ aud: 'somebody-else' }), 'unknown'],
    ['signed by another key', async () => token({}, keys.foreign.privateKey), 'unknown'],
    ['without a tenant', async () => token({ tenant: 7 }), 'unknown'],
    ['unsigned', async () => `${Buffer.from('{"alg":"none"}').toString('base64url')}.e30.x`, 'unknown'],
  ])('%s are refused', async (_name, make, failure) => {
    expect(await failureOf(await make())).toBe(failure);
  });

  it('are checked once, and refused all the same when they have expired since', async () => {
    const verify = verifier();
    const text = await token();
    await verify(text, now);
    const before = fetches;
    await verify(text, now + 1_000);
    expect(fetches).toBe(before);
    await expect(verify(text, now + 120_000)).rejects.toMatchObject({ failure: 'expired' });
  });

  it('say that nothing can be checked while the keys cannot be fetched', async () => {
    const verify = createTokenVerifier({ issuer, audience, jwksUrl: 'http://127.0.0.1:1/jwks.json' });
    await expect(verify(await token(), now)).rejects.toMatchObject({ failure: 'not_ready' });
  });
});
