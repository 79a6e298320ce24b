import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { keyBytes } from './aes-gcm.js';
import { CryptoError } from './crypto-error.js';
import { keyOfBytes } from './key-bytes.js';
import { createPrivateFile, readOrCreatePrivateFile, readPrivateFile } from './private-file.js';

const hexKey = /^[0-9A-Fa-f]{64}$/;
const base64Key = /^[A-Za-z0-9+/_-]{43}=?$/;

/** 32 random bytes have fewer than 12 different values once in 10^20 times; a placeholder has one or two. */
const minDistinctBytes = 12;

function encodeKey(bytes: Uint8Array): string {
  if (bytes.byteLength !== keyBytes) throw new RangeError(`a key has ${keyBytes} bytes`);
  return `${Buffer.from(bytes).toString('base64')}\n`;
}

/**
 * A key of 32 random bytes in base64, base64url or hexadecimal; blanks around it do not count. `source` is what the error
 * names. Throws `CryptoError` `key_file_format`, without repeating the text.
 */
export function keyFromText(text: string, source: string): KeyObject {
  const trimmed = text.trim();
  const bytes = hexKey.test(trimmed)
    ? Buffer.from(trimmed, 'hex')
    : base64Key.test(trimmed)
      ? Buffer.from(trimmed, 'base64')
      : undefined;
  if (bytes?.byteLength !== keyBytes) {
    throw new CryptoError('key_file_format', `${source} must hold ${keyBytes} bytes in base64 or hexadecimal`);
  }
  if (new Set(bytes).size < minDistinctBytes) {
    throw new CryptoError('key_file_format', `${source} holds a placeholder and not a random key`);
  }
  return keyOfBytes(bytes);
}

/**
 * A secret key of 32 bytes (the pepper, a root key) from a file of mode 0600 or 0400 that we or root own. Base64,
 * base64url or hexadecimal; blanks around it do not count. The result prints and serializes as nothing.
 *
 * Throws `CryptoError` `key_file_missing`, `key_file_permissions`, `key_file_owner`, `key_file_format`.
 *
 * @example const pepper = loadKeyFile('/data/keys/pepper');
 */
export const loadKeyFile = (path: string): KeyObject => keyFromText(readPrivateFile(path), path);

/**
 * Writes a key of 32 bytes to a new file, 0600 from its first byte, and makes it durable. Missing parents get 0700.
 * Throws `CryptoError` `key_file_exists` rather than replace a key, and `RangeError` on another length.
 */
export const createKeyFile = (path: string, bytes: Uint8Array): void => createPrivateFile(path, encodeKey(bytes));

/** {@link loadKeyFile}, after making the file with a random key if there is none. Safe for racing processes. */
export const loadOrCreateKeyFile = (path: string): KeyObject =>
  keyFromText(
    readOrCreatePrivateFile(path, () => encodeKey(randomBytes(keyBytes))),
    path,
  );

const newEd25519Pem = (): string =>
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

function parseEd25519(pem: string, path: string): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = createPrivateKey(pem);
  } catch {
    // The parser's own text may quote what it read.
  }
  if (key?.asymmetricKeyType !== 'ed25519') {
    throw new CryptoError('key_file_format', `${path} must hold an Ed25519 private key as PKCS #8 PEM`);
  }
  return key;
}

/** A signing key and what verifies it. */
export interface SigningKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/**
 * The Ed25519 signing key (RFC 8032) in a PKCS #8 PEM file (RFC 8410), made with mode 0600 if there is none.
 * Same refusals as {@link loadKeyFile}: a key that others can read is not used.
 *
 * @example sign(null, bytes, loadOrCreateEd25519('/data/keys/checkpoint.pem').privateKey)
 */
export function loadOrCreateEd25519(path: string): SigningKey {
  const privateKey = parseEd25519(readOrCreatePrivateFile(path, newEd25519Pem), path);
  return { privateKey, publicKey: createPublicKey(privateKey) };
}
