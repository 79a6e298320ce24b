import { createHmac, type KeyObject, sign, verify } from 'node:crypto';
import { canonicalJson } from './canonical-json.js';
import type { Pepper } from './keyed-hash.js';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const [idLength, secretLength] = [8, 40];
/** The largest multiple of the alphabet's length in a byte: what is above it would favour its beginning. */
const unbiased = 256 - (256 % alphabet.length);

/**
 * The `m87_` key of these seeds: 8 characters that name it, a dot, 40 that open. Equal seeds give the equal key, so a key
 * that was minted can be told again without being stored; without the pepper it is as good as random (238 bits).
 *
 * @param seeds what the key is made of; at least one of them unguessable or known to its owner alone
 * @example deviceKey(pepper, [keyId, nonce]) // 'm87_' and 49 characters
 */
export function deviceKey(pepper: Pepper, seeds: readonly string[]): string {
  let text = '';
  for (let block = 0; text.length < idLength + secretLength; block++) {
    const bytes = createHmac('sha256', pepper)
      .update(`gatehouse.device-key.v1\0${JSON.stringify([block, ...seeds])}`)
      .digest();
    for (const byte of bytes) if (byte < unbiased) text += alphabet[byte % alphabet.length];
  }
  return `m87_${text.slice(0, idLength)}.${text.slice(idLength, idLength + secretLength)}`;
}

/** What a device proves with its identity key. A proof of one kind is none of another. */
export type DeviceProofPurpose = 'registration' | 'state' | 'keys';

/**
 * What is signed: the purpose, the address of the Gatehouse it is meant for, and the canonical JSON (RFC 8785) of what is
 * said. A proof for one Gatehouse is none for another.
 *
 * @param publicUrl as clients reach it, without a slash at the end
 */
export const deviceProofText = (purpose: DeviceProofPurpose, publicUrl: string, said: object): string =>
  `gatehouse device ${purpose} v1\n${publicUrl.replace(/\/+$/, '')}\n${canonicalJson(said)}\n`;

/**
 * A device's signature over what it says: Ed25519 (RFC 8032), 86 characters of base64url.
 *
 * @example signDeviceProof(key, 'state', 'https://gatehouse.example', { requestId, signedAt, nonce })
 */
export const signDeviceProof = (key: KeyObject, purpose: DeviceProofPurpose, publicUrl: string, said: object): string =>
  sign(null, Buffer.from(deviceProofText(purpose, publicUrl, said)), key).toString('base64url');

/**
 * Whether the holder of this identity key (base64url of its 32 bytes) said this, to this Gatehouse. False for a key or a
 * signature of another form.
 */
export function verifyDeviceProof(
  identityKey: string,
  purpose: DeviceProofPurpose,
  publicUrl: string,
  said: object,
  signature: string,
): boolean {
  try {
    const key = { key: { kty: 'OKP', crv: 'Ed25519', x: identityKey }, format: 'jwk' } as const;
    const text = Buffer.from(deviceProofText(purpose, publicUrl, said));
    return verify(null, text, key, Buffer.from(signature, 'base64url'));
  } catch {
    return false;
  }
}
