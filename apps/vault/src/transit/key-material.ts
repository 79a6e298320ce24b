import {
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPair,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { promisify } from 'node:util';
import type { TransitKeyType } from '@gatehouse/contracts';
import { keyKinds } from './key-types.js';

const generate = promisify(generateKeyPair);
const hmacKeyBytes = 32;

/** One version of a key, open. */
export interface KeyMaterial {
  /** Of AEAD keys: as many bytes as the cipher takes. */
  readonly secret?: KeyObject;
  /** Of RSA and of signatures. */
  readonly private?: KeyObject;
  readonly hmac: KeyObject;
}

/** What is sealed: a key of its own for HMAC, as Vault has it, and the key itself (PKCS #8 for private ones), in base64. */
interface StoredMaterial {
  readonly hmac: string;
  readonly secret?: string;
  readonly pkcs8?: string;
}

export interface NewMaterial {
  readonly bytes: Buffer;
  /** PEM (SPKI). */
  readonly publicKey?: string;
}

/** A fresh key. RSA of 4096 bits takes about a second, beside the event loop. */
export async function newMaterial(type: TransitKeyType): Promise<NewMaterial> {
  const kind = keyKinds[type];
  const hmac = randomBytes(hmacKeyBytes).toString('base64');
  if (kind.kind === 'hmac') return stored({ hmac });
  if (kind.kind === 'aead') return stored({ hmac, secret: randomBytes(kind.keyBytes).toString('base64') });
  const { privateKey } = await newPair(type);
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64');
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
  return { ...stored({ hmac, pkcs8 }), publicKey };
}

const stored = (material: StoredMaterial): NewMaterial => ({ bytes: Buffer.from(JSON.stringify(material)) });

function newPair(type: TransitKeyType): Promise<{ readonly privateKey: KeyObject }> {
  const kind = keyKinds[type];
  if (kind.kind === 'rsa') return generate('rsa', { modulusLength: kind.bits });
  if (kind.kind === 'ecdsa') return generate('ec', { namedCurve: kind.curve });
  return generate('ed25519');
}

/** Reverse of {@link newMaterial}. The bytes are overwritten. */
export function openMaterial(bytes: Buffer): KeyMaterial {
  const { hmac, secret, pkcs8 } = JSON.parse(bytes.toString('utf8')) as StoredMaterial;
  bytes.fill(0);
  const keyOf = (text: string): Buffer => Buffer.from(text, 'base64');
  return {
    hmac: createSecretKey(keyOf(hmac)),
    ...(secret !== undefined && { secret: createSecretKey(keyOf(secret)) }),
    ...(pkcs8 !== undefined && { private: createPrivateKey({ key: keyOf(pkcs8), format: 'der', type: 'pkcs8' }) }),
  };
}
