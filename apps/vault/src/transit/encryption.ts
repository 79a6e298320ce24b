import {
  constants,
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import type { TransitKeyType } from '@gatehouse/contracts';
import type { KeyMaterial } from './key-material.js';
import { keyKinds } from './key-types.js';
import { notDecryptable, refused } from './transit-problem.js';

const nonceBytes = 12;
const tagBytes = 16;
const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' } as const;

/** What belongs to a ciphertext beside the key: both are as bytes, and must be the same again. */
export interface Beside {
  /** From which a key of its own is derived; of derived keys only. */
  readonly context?: Buffer | undefined;
  /** Authenticated, not encrypted. */
  readonly associatedData?: Buffer | undefined;
}

/** Nonce (12), ciphertext, tag (16), as Vault lays them out; RSA is OAEP with SHA-256. @throws ProblemError */
export function encrypt(type: TransitKeyType, material: KeyMaterial, plaintext: Buffer, beside: Beside): Buffer {
  const kind = keyKinds[type];
  if (kind.kind === 'rsa') return encryptRsa(material, plaintext);
  if (kind.kind !== 'aead') throw refused('this type of key does not encrypt');
  const nonce = randomBytes(nonceBytes);
  const key = keyFor(material, kind.keyBytes, beside);
  // One cast: the overloads of Node differ by the name of the cipher alone.
  const cipher = createCipheriv(kind.cipher as 'aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  if (beside.associatedData) cipher.setAAD(beside.associatedData, { plaintextLength: plaintext.length });
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** @throws ProblemError, one for every kind of failure */
export function decrypt(type: TransitKeyType, material: KeyMaterial, bytes: Buffer, beside: Beside): Buffer {
  const kind = keyKinds[type];
  if (kind.kind === 'rsa') return decryptRsa(material, bytes);
  if (kind.kind !== 'aead') throw refused('this type of key does not decrypt');
  if (bytes.length < nonceBytes + tagBytes) throw notDecryptable();
  const [nonce, body, tag] = [
    bytes.subarray(0, nonceBytes),
    bytes.subarray(nonceBytes, -tagBytes),
    bytes.subarray(-tagBytes),
  ];
  const key = keyFor(material, kind.keyBytes, beside);
  const decipher = createDecipheriv(kind.cipher as 'aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  decipher.setAuthTag(tag);
  if (beside.associatedData) decipher.setAAD(beside.associatedData, { plaintextLength: body.length });
  try {
    return Buffer.concat([decipher.update(body), decipher.final()]);
  } catch {
    throw notDecryptable();
  }
}

/** The key itself, or with a context one derived from it: HKDF-SHA256 (RFC 5869) without salt, the context as info. */
function keyFor({ secret }: KeyMaterial, keyBytes: number, { context }: Beside): KeyObject {
  if (!secret) throw new Error('the material is of another type of key');
  if (!context) return secret;
  return createSecretKey(Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), context, keyBytes)));
}

function encryptRsa({ private: key }: KeyMaterial, plaintext: Buffer): Buffer {
  if (!key) throw new Error('the material is of another type of key');
  try {
    return publicEncrypt({ key: createPublicKey(key), ...oaep }, plaintext);
  } catch {
    throw refused('the plaintext is longer than this RSA key takes');
  }
}

function decryptRsa({ private: key }: KeyMaterial, bytes: Buffer): Buffer {
  if (!key) throw new Error('the material is of another type of key');
  try {
    return privateDecrypt({ key, ...oaep }, bytes);
  } catch {
    throw notDecryptable();
  }
}
