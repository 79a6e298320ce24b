import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { helloText } from '@gatehouse/session';

/** What a hello is bound to: the nonce that was given, and the certificate that was shown. */
export interface Greeting {
  readonly nonce: string;
  readonly serverFingerprint: string;
}

const publicKeyOf = (identityKey: string): KeyObject =>
  createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: identityKey }, format: 'jwk' });

/** @param key base64url of an Ed25519 public key, or the key itself */
export function isSigned(
  role: 'device' | 'relay',
  id: string,
  signature: string,
  { nonce, serverFingerprint }: Greeting,
  key: string | KeyObject,
): boolean {
  const text = Buffer.from(helloText(role, id, nonce, serverFingerprint), 'utf8');
  try {
    const publicKey = typeof key === 'string' ? publicKeyOf(key) : key;
    return verify(null, text, publicKey, Buffer.from(signature, 'base64url'));
  } catch {
    // A key that is none: whoever it belongs to signs nothing.
    return false;
  }
}
