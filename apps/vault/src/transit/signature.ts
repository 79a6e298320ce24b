import { constants, createHmac, createPublicKey, type KeyObject, sign, timingSafeEqual, verify } from 'node:crypto';
import type { TransitKeyType } from '@gatehouse/contracts';
import type { KeyMaterial } from './key-material.js';
import { keyKinds } from './key-types.js';
import { refused } from './transit-problem.js';

/** Names of Vault for hash functions, and of OpenSSL. SHA-1 is not among them. */
export const hashes = {
  'sha2-224': 'sha224',
  'sha2-256': 'sha256',
  'sha2-384': 'sha384',
  'sha2-512': 'sha512',
  'sha3-224': 'sha3-224',
  'sha3-256': 'sha3-256',
  'sha3-384': 'sha3-384',
  'sha3-512': 'sha3-512',
} as const;
export type HashName = keyof typeof hashes;
export const hashNames = Object.keys(hashes) as [HashName, ...HashName[]];

export interface SignatureForm {
  readonly hash: HashName;
  /** Of ECDSA: `asn1` is DER, `jws` is r and s side by side (IEEE P1363). */
  readonly marshaling: 'asn1' | 'jws';
  /** Of RSA. */
  readonly algorithm: 'pss' | 'pkcs1v15';
  /** Of PSS: as long as the hash, or as long as the key allows (read back whatever it is). */
  readonly saltLength: 'auto' | 'hash';
}

/** @throws ProblemError for a key that signs nothing */
export function signBytes(type: TransitKeyType, material: KeyMaterial, input: Buffer, form: SignatureForm): Buffer {
  const key = privateOf(type, material);
  if (keyKinds[type].kind === 'ed25519') return sign(null, input, key);
  return sign(hashes[form.hash], input, { key, ...paddingOf(type, form, constants.RSA_PSS_SALTLEN_MAX_SIGN) });
}

export function verifyBytes(
  type: TransitKeyType,
  material: KeyMaterial,
  input: Buffer,
  form: SignatureForm,
  signature: Buffer,
): boolean {
  const key = createPublicKey(privateOf(type, material));
  if (keyKinds[type].kind === 'ed25519') return verify(null, input, key, signature);
  const options = { key, ...paddingOf(type, form, constants.RSA_PSS_SALTLEN_AUTO) };
  return verify(hashes[form.hash], input, options, signature);
}

function paddingOf(type: TransitKeyType, { algorithm, saltLength, marshaling }: SignatureForm, longest: number) {
  if (keyKinds[type].kind === 'ecdsa') return { dsaEncoding: marshaling === 'jws' ? 'ieee-p1363' : 'der' } as const;
  if (algorithm === 'pkcs1v15') return { padding: constants.RSA_PKCS1_PADDING };
  const salt = saltLength === 'hash' ? constants.RSA_PSS_SALTLEN_DIGEST : longest;
  return { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: salt };
}

function privateOf(type: TransitKeyType, { private: key }: KeyMaterial): KeyObject {
  if (!key) throw refused(`a key of type ${type} does not sign`);
  return key;
}

/** Every type of key has a key for HMAC beside it. */
export const hmacOf = ({ hmac }: KeyMaterial, input: Buffer, hash: HashName): Buffer =>
  createHmac(hashes[hash], hmac).update(input).digest();

export const isHmacOf = (material: KeyMaterial, input: Buffer, hash: HashName, given: Buffer): boolean => {
  const right = hmacOf(material, input, hash);
  return right.length === given.length && timingSafeEqual(right, given);
};
