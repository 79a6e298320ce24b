import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { canonicalJson, constantTimeEqual, type SigningKey } from '@gatehouse/crypto';
import { z } from 'zod';
import { type GrantClaims, grantClaims } from './grant.js';

/** The one type and the one algorithm: a grant does not choose how it is checked (RFC 8725 3.1, 3.11). */
const type = 'gatehouse-grant+jwt';
const algorithm = 'EdDSA';
/** Longer texts are not looked at. */
export const maxGrantLength = 8_192;
/** Clocks may differ by this much, on `iat` as on `exp`. */
export const grantSkewSeconds = 30;
/** No grant lives longer, whoever signed it: a mistake of the registry's does not make a key for ever. */
const maxLifeSeconds = 3_600;
const signatureBytes = 64;

export type GrantErrorCode =
  | 'malformed'
  | 'unknown_key'
  | 'bad_signature'
  | 'expired'
  | 'not_yet_valid'
  | 'wrong_device'
  | 'wrong_holder';

/** A grant that counts for nothing. The text names the fault and nothing of the grant. */
export class GrantError extends Error {
  override readonly name = 'GrantError';
  constructor(readonly code: GrantErrorCode) {
    super(code);
  }
}

/** As `rpc.registry.grant_keys` tells it and a device pins it. `publicKey` is base64url of 32 bytes. */
export interface GrantKey {
  readonly kid: string;
  readonly publicKey: string;
}

/** Keys by their id, ready to verify. */
export type GrantKeyRing = ReadonlyMap<string, KeyObject>;

const publicText = (key: KeyObject): string => String(key.export({ format: 'jwk' }).x);

/** JWK thumbprint (RFC 7638, RFC 8037 2) of an Ed25519 public key, base64url. */
const thumbprint = (x: string): string =>
  createHash('sha256')
    .update(canonicalJson({ crv: 'Ed25519', kty: 'OKP', x }))
    .digest('base64url');

/** How a signing key is told to those who verify. */
export function grantKeyOf(publicKey: KeyObject): GrantKey {
  const x = publicText(publicKey);
  return { kid: thumbprint(x), publicKey: x };
}

/** @throws GrantError `unknown_key` when an id is not that of its key */
export function grantKeyRing(keys: readonly GrantKey[]): GrantKeyRing {
  const ring = new Map<string, KeyObject>();
  for (const { kid, publicKey } of keys) {
    if (kid !== thumbprint(publicKey)) throw new GrantError('unknown_key');
    ring.set(kid, createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey }, format: 'jwk' }));
  }
  return ring;
}

const encode = (value: unknown): string => Buffer.from(canonicalJson(value), 'utf8').toString('base64url');

/**
 * Signs what the recorded decisions allow. Only the registry can.
 *
 * @throws ZodError for claims that nobody would accept
 * @example signGrant(claims, loadOrCreateEd25519('/data/keys/grant.pem'))
 */
export function signGrant(claims: GrantClaims, key: SigningKey): string {
  const { kid } = grantKeyOf(key.publicKey);
  const signed = `${encode({ alg: algorithm, kid, typ: type })}.${encode(grantClaims.parse(claims))}`;
  return `${signed}.${sign(null, Buffer.from(signed, 'ascii'), key.privateKey).toString('base64url')}`;
}

/** Strict: a header that asks for more (`crit`, `jwk`, `b64`, ...) asks in vain. */
const header = z.strictObject({ alg: z.literal(algorithm), typ: z.literal(type), kid: z.string().max(64) });

/** Undefined for what has another spelling, too: one grant has one text. */
function decode(part: string): Buffer | undefined {
  const bytes = Buffer.from(part, 'base64url');
  return bytes.toString('base64url') === part ? bytes : undefined;
}

function parsed<T>(schema: z.ZodType<T>, part: string): T {
  try {
    return schema.parse(JSON.parse(String(decode(part))));
  } catch {
    throw new GrantError('malformed');
  }
}

/** What the verifier knows of the moment and of itself. */
export interface GrantExpectation {
  readonly nowMs: number;
  /** Of the device that verifies; a relay serves many and compares by itself. */
  readonly deviceId?: string;
  /** The static key that the client proved in the handshake: 32 bytes. */
  readonly holder?: Uint8Array;
}

function checkTimes({ iat, exp }: GrantClaims, nowMs: number): void {
  const now = nowMs / 1_000;
  if (exp <= iat || exp - iat > maxLifeSeconds) throw new GrantError('malformed');
  if (iat > now + grantSkewSeconds) throw new GrantError('not_yet_valid');
  if (exp <= now - grantSkewSeconds) throw new GrantError('expired');
}

/**
 * The claims of a grant that holds here and now. Relays and devices ask this, each with the keys it trusts.
 *
 * @throws GrantError
 * @example verifyGrant(text, grantKeyRing(pinned), { nowMs: Date.now(), deviceId, holder: handshake.remoteStatic })
 */
export function verifyGrant(text: string, ring: GrantKeyRing, expected: GrantExpectation): GrantClaims {
  const parts = text.length <= maxGrantLength ? text.split('.') : [];
  const [head, body, tail] = parts;
  if (parts.length !== 3 || !head || !body || !tail) throw new GrantError('malformed');
  const { kid } = parsed(header, head);
  const signature = decode(tail);
  if (signature?.byteLength !== signatureBytes) throw new GrantError('malformed');
  const key = ring.get(kid);
  if (!key) throw new GrantError('unknown_key');
  if (!verify(null, Buffer.from(`${head}.${body}`, 'utf8'), key, signature)) throw new GrantError('bad_signature');
  // Nothing of the body is read before this line.
  const claims = parsed(grantClaims, body);
  checkTimes(claims, expected.nowMs);
  if (expected.deviceId !== undefined && claims.aud !== expected.deviceId) throw new GrantError('wrong_device');
  if (expected.holder && !constantTimeEqual(Buffer.from(claims.cnf.x25519, 'base64url'), expected.holder)) {
    throw new GrantError('wrong_holder');
  }
  return claims;
}

/** What `exec` is confined to: SHA-256, hex, of the canonical JSON of the argument list, or of the one text for a shell. */
export const commandHash = (command: string | readonly string[]): string =>
  createHash('sha256').update(canonicalJson(command)).digest('hex');
