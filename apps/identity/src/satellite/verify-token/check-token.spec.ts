import { describe, expect, it } from '@jest/globals';
import { errors, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { checkToken } from './check-token.js';

const { privateKey, publicKey } = await generateKeyPair('ES256');
const other = await generateKeyPair('ES256');
const nowMs = Date.UTC(2026, 10, 22);
const iat = nowMs / 1_000;
const good = {
  iss: 'https://gate',
  aud: 'billing',
  sub: 'u',
  role: 'viewer',
  jti: 'j',
  iat,
  exp: iat + 60,
} satisfies JWTPayload;

const keys = ({ kid }: { kid?: string }) => {
  if (kid === 'late') throw new errors.JWKSTimeout();
  if (kid !== 'k1') throw new errors.JWKSNoMatchingKey();
  return publicKey;
};
const check = (token: string, at = nowMs) =>
  checkToken(token, { issuer: 'https://gate', audience: 'billing', keys: keys as never, nowMs: at });

const sign = (claims: JWTPayload, header: object = {}, key = privateKey) =>
  new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'k1', typ: 'satellite+jwt', ...header }).sign(key);

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('checking a token', () => {
  it('answers the claims of a good one, to its last second', async () => {
    const token = await sign(good);
    expect(await check(token)).toEqual({ valid: true, claims: good });
    expect(await check(token, nowMs + 59_999)).toMatchObject({ valid: true });
    expect(await check(token, nowMs + 60_000)).toEqual({ valid: false, error: 'token_expired' });
  });

  it.each<[string, () => Promise<string> | string]>([
    ['invalid_token_format', () => 'a.b'],
    ['invalid_token_format', () => 'a.b.c d'],
    ['invalid_token_format', () => ''],
    ['decode_error', () => `${Buffer.from('{').toString('base64url')}.e30.AAAA`],
    ['missing_kid', () => sign(good, { kid: undefined })],
    ['missing_kid', () => sign(good, { kid: '' })],
    ['unknown_key', () => sign(good, { kid: 'k2' })],
    ['unknown_key', () => `${encode({ alg: 'none', kid: 'k1', typ: 'satellite+jwt' })}.${encode(good)}.AAAA`],
    ['unknown_key', () => `${encode({ alg: 'HS256', kid: 'k1', typ: 'satellite+jwt' })}.${encode(good)}.AAAA`],
    ['idp_not_configured', () => sign(good, { kid: 'late' })],
    ['invalid_signature', () => sign(good, {}, other.privateKey)],
    ['audience_mismatch', () => sign({ ...good, aud: 'payroll' })],
    ['invalid_issuer', () => sign({ ...good, iss: 'https://evil' })],
    ['invalid_token', () => sign(good, { typ: 'at+jwt' })],
    ['invalid_token', () => sign(good, { typ: undefined })],
    ['invalid_token', () => sign({ ...good, jti: undefined } as never)],
    ['invalid_token', () => sign({ ...good, role: undefined } as never)],
  ])('says %s', async (error, make) => expect(await check(await make())).toEqual({ valid: false, error }));

  it('notices every changed character of the signature and the claims', async () => {
    const token = await sign(good);
    const [header, payload, signature = ''] = token.split('.');
    const claims = encode({ ...good, role: 'owner' });
    expect(await check(`${header}.${claims}.${signature}`)).toEqual({ valid: false, error: 'invalid_signature' });
    const swapped = signature.startsWith('A') ? `B${signature.slice(1)}` : `A${signature.slice(1)}`;
    expect(await check(`${header}.${payload}.${swapped}`)).toEqual({ valid: false, error: 'invalid_signature' });
  });
});
