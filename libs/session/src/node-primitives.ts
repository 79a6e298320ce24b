import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
} from 'node:crypto';
import { newKeyBytes } from '@gatehouse/crypto';
import { type KeyPair, NoiseError, type Primitives, tagBytes } from '@gatehouse/noise';
import { discard } from './discard.js';

const algorithm = 'chacha20-poly1305';
const options = { authTagLength: tagBytes };
const nothing = new Uint8Array(0);
const hashName = 'blake2s256';

const textOf = (key: Uint8Array): string => Buffer.from(key).toString('base64url');

/** OpenSSL's own form of a private key, which takes it longer to make than to use. It goes with the pair. */
const privateKeys = new WeakMap<KeyPair, KeyObject>();

// As JWK: the same key as DER takes OpenSSL 3 twenty times as long to read.
function privateKeyOf(pair: KeyPair): KeyObject {
  const known = privateKeys.get(pair);
  if (known) return known;
  const key = createPrivateKey({
    key: { kty: 'OKP', crv: 'X25519', d: textOf(pair.secret), x: textOf(pair.public) },
    format: 'jwk',
  });
  privateKeys.set(pair, key);
  return key;
}

const publicKeyOf = (key: Uint8Array): KeyObject =>
  createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: textOf(key) }, format: 'jwk' });

/** The primitives of libs/noise by OpenSSL: the same results, many times as fast. */
export const nodePrimitives: Primitives = {
  hash: (first, second) => createHash(hashName).update(first).update(second).digest(),
  authenticate: (key, data) => createHmac(hashName, key).update(data).digest(),
  generateKeyPair: (): KeyPair => newKeyBytes('x25519'),
  agree: (own, publicKey) => {
    try {
      return diffieHellman({ privateKey: privateKeyOf(own), publicKey: publicKeyOf(publicKey) });
    } catch {
      // OpenSSL refuses what would agree on zeros.
      throw new NoiseError('handshake_failed');
    }
  },
  seal: ({ key, nonce, additionalData }, text, into, offset, head = nothing) => {
    const length = head.length + text.length;
    const cipher = createCipheriv(algorithm, key, nonce, options);
    if (additionalData.length > 0) cipher.setAAD(additionalData, { plaintextLength: length });
    if (head.length > 0) into.set(cipher.update(head), offset);
    const sealed = cipher.update(text);
    into.set(sealed, offset + head.length);
    discard(sealed);
    cipher.final();
    into.set(cipher.getAuthTag(), offset + length);
    return length + tagBytes;
  },
  open: ({ key, nonce, additionalData }, sealed) => {
    if (sealed.length < tagBytes) return undefined;
    const textBytes = sealed.length - tagBytes;
    const decipher = createDecipheriv(algorithm, key, nonce, options);
    decipher.setAuthTag(sealed.subarray(textBytes));
    if (additionalData.length > 0) decipher.setAAD(additionalData, { plaintextLength: textBytes });
    const text = decipher.update(sealed.subarray(0, textBytes));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    return text;
  },
  forget: discard,
};
