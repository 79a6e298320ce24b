import { createHmac } from 'node:crypto';
import { exportJWK, exportSPKI, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';

export interface OpKey {
  readonly kid: string;
  readonly publicJwk: JWK;
  readonly publicKey: CryptoKey;
  readonly privateKey: CryptoKey;
}

type CryptoKey = Awaited<ReturnType<typeof generateKeyPair>>['publicKey'];

/** What a hostile, broken or confused provider does to an identity token. */
export type Forgery =
  | 'none'
  | 'wrong_iss'
  | 'wrong_aud'
  | 'many_aud'
  | 'wrong_azp'
  | 'no_nonce'
  | 'other_nonce'
  | 'expired'
  | 'wrong_at_hash'
  | 'alg_none'
  | 'hs256_of_public_key'
  | 'hs256_of_client_secret'
  | 'unpublished_key'
  | 'no_token';

export async function newKey(kid: string): Promise<OpKey> {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
  const publicJwk = { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' };
  return { kid, publicJwk, publicKey, privateKey };
}

const claimChanges: Readonly<Partial<Record<Forgery, (claims: JWTPayload) => JWTPayload>>> = {
  wrong_iss: (claims) => ({ ...claims, iss: 'https://id.example.org' }),
  wrong_aud: (claims) => ({ ...claims, aud: 'another-client' }),
  many_aud: (claims) => ({ ...claims, aud: ['gatehouse', 'another-client'] }),
  wrong_azp: (claims) => ({ ...claims, aud: ['gatehouse', 'another-client'], azp: 'another-client' }),
  no_nonce: ({ nonce: _gone, ...claims }) => claims,
  other_nonce: (claims) => ({ ...claims, nonce: 'of-another-sign-in' }),
  expired: (claims) => ({ ...claims, iat: 1_700_000_000, exp: 1_700_000_300 }),
  wrong_at_hash: (claims) => ({ ...claims, at_hash: 'bm90IHRoZSBoYXNoIG9m' }),
};

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');

const hs256 = (claims: JWTPayload, kid: string, secret: string): string => {
  const input = `${encode({ alg: 'HS256', kid })}.${encode(claims)}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
};

/** A token with these claims, signed as an honest provider signs unless `forgery` says otherwise. */
export async function forge(claims: JWTPayload, key: OpKey, forgery: Forgery): Promise<string> {
  const changed = claimChanges[forgery]?.(claims) ?? claims;
  if (forgery === 'no_token') return '';
  if (forgery === 'alg_none') return `${encode({ alg: 'none' })}.${encode(changed)}.`;
  if (forgery === 'hs256_of_public_key') return hs256(changed, key.kid, await exportSPKI(key.publicKey));
  if (forgery === 'hs256_of_client_secret') return hs256(changed, key.kid, 'a-secret-between-two-servers');
  const { privateKey } = forgery === 'unpublished_key' ? await newKey(key.kid) : key;
  return new SignJWT(changed).setProtectedHeader({ alg: 'RS256', kid: key.kid }).sign(privateKey);
}
