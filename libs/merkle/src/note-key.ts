import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { decodeBase64, encodeBase64 } from './base64.js';
import { FormatError } from './errors.js';

/** Signature type of plain Ed25519 note signatures (c2sp.org/signed-note, "Signature types"). */
const ED25519 = 0x01;
const PUBLIC_KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const MAX_NAME_CHARACTERS = 255;

/** Names a key in a note: the pair says which key signed and how. */
export interface NoteKey {
  /** For a log, its origin: a URL without scheme, such as `example.com/audit`. */
  readonly name: string;
  /** Four bytes in lower-case hex. */
  readonly keyId: string;
}

/** A key that signs notes. */
export interface NoteSigner extends NoteKey {
  sign(text: Uint8Array): Uint8Array;
}

/** A key that checks notes. */
export interface NoteVerifier extends NoteKey {
  verify(text: Uint8Array, signature: Uint8Array): boolean;
}

/** Whether a text may name a key: not empty, no white space of any script, no plus, no control characters, well-formed. */
export function isKeyName(name: string): boolean {
  return name.length > 0 && name.length <= MAX_NAME_CHARACTERS && !/[\p{White_Space}\p{Cc}\p{Cs}+]/u.test(name);
}

/** SHA-256(name || 0x0A || type || public key), first four bytes (c2sp.org/signed-note). */
function keyIdOf(name: string, typedKey: Uint8Array): string {
  return createHash('sha256').update(`${name}\n`, 'utf8').update(typedKey).digest('hex').slice(0, 8);
}

/** 0x01 and the 32 bytes of RFC 8032. */
function typedKeyOf(key: KeyObject): Uint8Array {
  if (key.asymmetricKeyType !== 'ed25519') throw new TypeError('a note key is an Ed25519 key');
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  const { x = '' } = publicKey.export({ format: 'jwk' });
  return Uint8Array.of(ED25519, ...Buffer.from(x, 'base64url'));
}

function requireName(name: string): void {
  if (!isKeyName(name)) throw new RangeError('not a name for a note key');
}

/**
 * A signer from an Ed25519 private key.
 *
 * @param name for a log its origin
 * @throws RangeError for a name the format forbids; TypeError for another kind of key
 * @example noteSigner('example.com/audit', generateKeyPairSync('ed25519').privateKey)
 */
export function noteSigner(name: string, privateKey: KeyObject): NoteSigner {
  requireName(name);
  if (privateKey.type !== 'private') throw new TypeError('signing needs the private key');
  return {
    name,
    keyId: keyIdOf(name, typedKeyOf(privateKey)),
    sign: (text) => sign(null, text, privateKey),
  };
}

/**
 * The public key as people pass it around: `<name>+<key id>+<base64 of 0x01 and the key>` ("vkey").
 *
 * @param key an Ed25519 key; of a private key the public half is taken
 * @example formatVkey('PeterNeumann', publicKey) // 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'
 */
export function formatVkey(name: string, key: KeyObject): string {
  requireName(name);
  const typedKey = typedKeyOf(key);
  return `${name}+${keyIdOf(name, typedKey)}+${encodeBase64(typedKey)}`;
}

/**
 * A verifier from a vkey text.
 *
 * @throws FormatError when the text is not exactly what {@link formatVkey} writes, its key id included
 * @example noteVerifier('PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW').name // 'PeterNeumann'
 */
export function noteVerifier(vkey: string): NoteVerifier {
  // Base64 may hold a plus, a name may not: only the first two separate.
  const [, name = '', keyId = '', encoded = ''] = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(vkey) ?? [];
  if (!isKeyName(name)) throw new FormatError('not a verification key');
  const typedKey = decodeBase64(encoded);
  if (typedKey[0] !== ED25519 || typedKey.length !== 1 + PUBLIC_KEY_BYTES) {
    throw new FormatError('the verification key is not an Ed25519 key');
  }
  if (keyIdOf(name, typedKey) !== keyId) throw new FormatError('the id in the verification key is not that of the key');
  const x = Buffer.from(typedKey.subarray(1)).toString('base64url');
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  return {
    name,
    keyId,
    verify: (text, signature) => signature.length === SIGNATURE_BYTES && verify(null, text, publicKey, signature),
  };
}
