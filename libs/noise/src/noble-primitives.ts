import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { x25519 } from '@noble/curves/ed25519.js';
import { blake2s } from '@noble/hashes/blake2.js';
import { hmac } from '@noble/hashes/hmac.js';
import { concatBytes } from '@noble/hashes/utils.js';
import { NoiseError, type Primitives, tagBytes } from './noise.js';

/** Audited JavaScript without any platform: browsers, and where node:crypto is not wanted. */
export const noblePrimitives: Primitives = {
  hash: (first, second) => blake2s.create().update(first).update(second).digest(),
  authenticate: (key, data) => hmac(blake2s, key, data),
  generateKeyPair: () => {
    const { secretKey, publicKey } = x25519.keygen();
    return { secret: secretKey, public: publicKey };
  },
  agree: ({ secret }, publicKey) => {
    try {
      return x25519.getSharedSecret(secret, publicKey);
    } catch {
      throw new NoiseError('handshake_failed');
    }
  },
  seal: ({ key, nonce, additionalData }, text, into, offset, head) => {
    const whole = head && head.length > 0 ? concatBytes(head, text) : text;
    into.set(chacha20poly1305(key, nonce, additionalData).encrypt(whole), offset);
    return whole.length + tagBytes;
  },
  open: ({ key, nonce, additionalData }, sealed) => {
    if (sealed.length < tagBytes) return undefined;
    try {
      return chacha20poly1305(key, nonce, additionalData).decrypt(sealed);
    } catch {
      return undefined;
    }
  },
};

/** X25519 key pair of a stored secret of 32 bytes. */
export const keyPairOf = (secret: Uint8Array) => ({ secret, public: x25519.getPublicKey(secret) });
