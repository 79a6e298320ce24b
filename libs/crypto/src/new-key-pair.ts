import {
  createPrivateKey,
  createPublicKey,
  type ED25519KeyPairOptions,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';

export type CurveKeyType = 'ed25519' | 'x25519';

const written: ED25519KeyPairOptions<'der', 'der'> = {
  publicKeyEncoding: { type: 'spki', format: 'der' },
  privateKeyEncoding: { type: 'pkcs8', format: 'der' },
};
/** What both forms end with: the key itself (RFC 8410). */
const keyBytes = 32;

const draw = (type: CurveKeyType): { readonly publicKey: Buffer; readonly privateKey: Buffer } =>
  // The types know these options for one of the two only.
  generateKeyPairSync(type as 'ed25519', written);

/**
 * A fresh pair, as the 32 bytes of each key.
 *
 * It is never drawn as objects: in Node 20, when memory is collected just while such a key is exported as JWK, the process
 * waits for that key's lock, which it holds itself, for ever. In a loop that took 2,000 to 5,000 pairs.
 */
export function newKeyBytes(type: CurveKeyType): { readonly public: Buffer; readonly secret: Buffer } {
  const { publicKey, privateKey } = draw(type);
  return { public: publicKey.subarray(-keyBytes), secret: privateKey.subarray(-keyBytes) };
}

/** A fresh pair that may be exported in any form, unlike one that was drawn as objects: see {@link newKeyBytes}. */
export function newKeyPair(type: CurveKeyType): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  const privateKey = createPrivateKey({ key: draw(type).privateKey, format: 'der', type: 'pkcs8' });
  return { publicKey: createPublicKey(privateKey), privateKey };
}
