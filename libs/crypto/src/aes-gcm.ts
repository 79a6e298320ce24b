import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto';
import { CryptoError } from './crypto-error.js';

export const keyBytes = 32;
export const nonceBytes = 12;
export const tagBytes = 16;

/** Ciphertext and tag of AES-256-GCM (NIST SP 800-38D). The same nonce must never meet the same key again. */
export function encrypt(key: KeyObject, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(aad);
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** Reverse of {@link encrypt}. Throws `CryptoError` `malformed` or `not_authentic`, and gives nothing before the tag verifies. */
export function decrypt(key: KeyObject | Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Buffer {
  if (nonce.byteLength !== nonceBytes || sealed.byteLength < tagBytes) {
    throw new CryptoError('malformed', 'too short for a nonce and a tag');
  }
  const at = sealed.byteLength - tagBytes;
  // The length is fixed twice: by the cut above, and here, since Node would take shorter tags, which are easier to forge.
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(at));
  const plaintext = decipher.update(sealed.subarray(0, at));
  try {
    // A stream mode: nothing is left for the end, and no second copy of the plaintext is made.
    decipher.final();
    return plaintext;
  } catch {
    plaintext.fill(0);
    throw new CryptoError('not_authentic', 'the tag does not verify');
  }
}

/**
 * Nonce, ciphertext and tag in one. Random nonces of 96 bits are safe for 2^32 messages of one key
 * (SP 800-38D, 8.3), far more than a root or subject key ever seals.
 */
export function sealWithRandomNonce(key: KeyObject, aad: Uint8Array, plaintext: Uint8Array): Buffer {
  const nonce = randomBytes(nonceBytes);
  return Buffer.concat([nonce, encrypt(key, nonce, aad, plaintext)]);
}

/** Reverse of {@link sealWithRandomNonce}. */
export const openWithNonce = (key: KeyObject | Uint8Array, aad: Uint8Array, sealed: Uint8Array): Buffer =>
  decrypt(key, sealed.subarray(0, nonceBytes), aad, sealed.subarray(nonceBytes));
