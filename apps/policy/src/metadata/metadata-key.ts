import { createHash, type KeyObject } from 'node:crypto';
import type { SigningKey } from '@gatehouse/crypto';
import { type JWK, SignJWT } from 'jose';
import type { Metadata } from './metadata.js';

/** What `signed_metadata` is verified with. */
export interface MetadataKey {
  readonly privateKey: KeyObject;
  readonly publicJwk: JWK & { readonly kid: string };
}

/** The key's name is its thumbprint (RFC 7638). */
export function metadataKey({ privateKey, publicKey }: SigningKey): MetadataKey {
  const { kty, crv, x } = publicKey.export({ format: 'jwk' }) as { kty: string; crv: string; x: string };
  const kid = createHash('sha256').update(JSON.stringify({ crv, kty, x })).digest('base64url');
  return { privateKey, publicJwk: { kty, crv, x, kid, alg: 'EdDSA', use: 'sig' } };
}

const hourSeconds = 3_600;
/** Longer than any cache keeps it. */
const lifetimeSeconds = 25 * hourSeconds;

/**
 * The metadata as a JWT by the decision point itself. The time is that of the full hour, so that all replicas answer the
 * same bytes and caches agree; it ends, so that an old one can't be shown for ever.
 */
export function signMetadata(key: MetadataKey, metadata: Metadata, nowMs: number): Promise<string> {
  const iat = Math.floor(nowMs / 1_000 / hourSeconds) * hourSeconds;
  return new SignJWT({ ...metadata, iss: metadata.policy_decision_point, iat, exp: iat + lifetimeSeconds })
    .setProtectedHeader({ alg: 'EdDSA', kid: key.publicJwk.kid, typ: 'JWT' })
    .sign(key.privateKey);
}
