import { createCipheriv, createPublicKey, createSecretKey, hkdfSync, verify } from 'node:crypto';
import { transitKeyTypes } from '@gatehouse/contracts';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decrypt, encrypt } from './encryption.js';
import { type KeyMaterial, newMaterial, openMaterial } from './key-material.js';
import { checkReadable, configureKey, deleteKey, versionToMake } from './key-rules.js';
import { encrypts, signs } from './key-types.js';
import { hmacOf, isHmacOf, type SignatureForm, signBytes, verifyBytes } from './signature.js';
import type { PresentKey } from './transit-key.js';
import { parseVersioned, strictBase64, versionedText } from './versioned-text.js';

const text = Buffer.from('attack at dawn');
const form: SignatureForm = { hash: 'sha2-256', marshaling: 'asn1', algorithm: 'pss', saltLength: 'auto' };
// RSA of 3072 and 4096 bits differs by the time that it takes only.
const types = transitKeyTypes.filter((type) => !['rsa-3072', 'rsa-4096'].includes(type));

const key: PresentKey = {
  status: 'present',
  keyId: '0',
  type: 'aes256-gcm96',
  derived: false,
  latest: 5,
  minDecryptionVersion: 2,
  minEncryptionVersion: 0,
  deletionAllowed: false,
  versions: {},
};

/** Every text that differs from the given one in one character. */
function* changed(given: string): Generator<string> {
  for (let i = 0; i < given.length; i++) {
    const other = given[i] === 'A' ? 'B' : 'A';
    yield given.slice(0, i) + other + given.slice(i + 1);
  }
}

describe.each(types.filter(encrypts))('%s', (type) => {
  it('gives back what it took, and refuses every change', async () => {
    const material = openMaterial((await newMaterial(type)).bytes);
    const bytes = encrypt(type, material, text, {});
    expect(decrypt(type, material, bytes, {})).toEqual(text);
    for (let i = 0; i < bytes.length; i++) {
      const flipped = Buffer.from(bytes);
      flipped[i] = (flipped[i] ?? 0) ^ 1;
      expect(() => decrypt(type, material, flipped, {})).toThrow('could not decrypt');
    }
    for (const length of [0, 1, 27, bytes.length - 1])
      expect(() => decrypt(type, material, bytes.subarray(0, length), {})).toThrow('could not decrypt');
    const other = openMaterial((await newMaterial(type)).bytes);
    expect(() => decrypt(type, other, bytes, {})).toThrow('could not decrypt');
  });
});

describe('ciphertexts', () => {
  it('are of the key, the context and the associated data together', async () => {
    const material = openMaterial((await newMaterial('aes256-gcm96')).bytes);
    const beside = { context: Buffer.from('a'), associatedData: Buffer.from('b') };
    const bytes = encrypt('aes256-gcm96', material, text, beside);
    expect(decrypt('aes256-gcm96', material, bytes, beside)).toEqual(text);
    const others = [{}, { context: Buffer.from('a') }, { ...beside, associatedData: Buffer.from('c') }];
    for (const other of [...others, { ...beside, context: Buffer.from('c') }, { context: beside.associatedData }])
      expect(() => decrypt('aes256-gcm96', material, bytes, other)).toThrow('could not decrypt');
  });

  it('never share a nonce', async () => {
    const material = openMaterial((await newMaterial('aes256-gcm96')).bytes);
    const nonces = Array.from({ length: 5_000 }, () =>
      encrypt('aes256-gcm96', material, text, {}).subarray(0, 12).toString('hex'),
    );
    expect(new Set(nonces).size).toBe(nonces.length);
  });

  it('have the bytes of Vault: nonce, ciphertext, tag; HKDF-SHA256 of the context', async () => {
    const secret = Buffer.alloc(32, 7);
    const material: KeyMaterial = { secret: createSecretKey(secret), hmac: createSecretKey(secret) };
    const nonce = Buffer.alloc(12, 1);
    const derived = Buffer.from(hkdfSync('sha256', secret, '', 'tenant-1', 32));
    const cipher = createCipheriv('aes-256-gcm', derived, nonce);
    const theirs = Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()]);
    expect(decrypt('aes256-gcm96', material, theirs, { context: Buffer.from('tenant-1') })).toEqual(text);
  });

  it('of AES-256-GCM are those of NIST (SP 800-38D, test case 16)', () => {
    const secret = createSecretKey(
      Buffer.from('feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308', 'hex'),
    );
    const plaintext = Buffer.from(
      'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
      'hex',
    );
    const bytes = Buffer.from(
      `cafebabefacedbaddecaf888${'522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662'}76fc6ece0f4e1768cddf8853bb2d551b`,
      'hex',
    );
    const associatedData = Buffer.from('feedfacedeadbeeffeedfacedeadbeefabaddad2', 'hex');
    expect(decrypt('aes256-gcm96', { secret, hmac: secret }, bytes, { associatedData })).toEqual(plaintext);
  });

  it('of ChaCha20-Poly1305 are those of RFC 8439 (2.8.2)', () => {
    const secret = createSecretKey(
      Buffer.from('808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f', 'hex'),
    );
    const sunscreen =
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
    const bytes = Buffer.from(
      `070000004041424344454647${'d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b6116'}1ae10b594f09e26a7e902ecbd0600691`,
      'hex',
    );
    const associatedData = Buffer.from('50515253c0c1c2c3c4c5c6c7', 'hex');
    const opened = decrypt('chacha20-poly1305', { secret, hmac: secret }, bytes, { associatedData });
    expect(opened.toString()).toBe(sunscreen);
  });
});

describe.each(types.filter(signs))('signatures of %s', (type) => {
  const forms: readonly SignatureForm[] = [
    form,
    { ...form, marshaling: 'jws', hash: 'sha2-384', saltLength: 'hash' },
    { ...form, algorithm: 'pkcs1v15', hash: 'sha2-512' },
  ];

  it.each(forms)('%j: right for what was signed, and wrong for every change', async (asked) => {
    const { bytes, publicKey = '' } = await newMaterial(type);
    const material = openMaterial(bytes);
    const signature = signBytes(type, material, text, asked);
    const isRight = (given: Buffer, input = text) => verifyBytes(type, material, input, asked, given);
    expect(isRight(signature)).toBe(true);
    for (let i = 0; i < signature.length; i++) {
      const flipped = Buffer.from(signature);
      flipped[i] = (flipped[i] ?? 0) ^ 1;
      expect(isRight(flipped)).toBe(false);
    }
    expect(isRight(signature, Buffer.from('attack at dusk'))).toBe(false);
    expect(isRight(signature.subarray(0, -1))).toBe(false);
    expect(isRight(Buffer.concat([signature, Buffer.from([0])]))).toBe(false);
    if (type === 'ed25519') expect(verify(null, text, createPublicKey(publicKey), signature)).toBe(true);
  });
});

describe('HMAC', () => {
  it('is right for what it was made of only', async () => {
    const material = openMaterial((await newMaterial('hmac')).bytes);
    const code = hmacOf(material, text, 'sha2-256');
    expect(isHmacOf(material, text, 'sha2-256', code)).toBe(true);
    expect(isHmacOf(material, text, 'sha2-512', code)).toBe(false);
    expect(isHmacOf(material, Buffer.from('x'), 'sha2-256', code)).toBe(false);
    expect(isHmacOf(material, text, 'sha2-256', code.subarray(1))).toBe(false);
  });
});

describe('texts with a version', () => {
  it('round trip, and no two texts are the same bytes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000 }),
        fc.uint8Array({ minLength: 1, maxLength: 60 }),
        (version, array) => {
          const bytes = Buffer.from(array);
          const whole = versionedText({ version, bytes });
          expect(parseVersioned(whole, 'ciphertext')).toEqual({ version, bytes });
          for (const other of changed(whole)) {
            const parsed = (() => {
              try {
                return parseVersioned(other, 'ciphertext');
              } catch {
                return undefined;
              }
            })();
            expect(parsed?.version === version && parsed.bytes.equals(bytes)).toBe(false);
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it.each([
    '',
    'vault:v1:',
    'vault:v0:AAAA',
    'vault:v01:AAAA',
    'vault:1:AAAA',
    'vault:v1:AB==',
    'vault:v1:AAA',
    'vault:v1:A-_A',
    ' vault:v1:AAAA',
    'vault:v1:AAAA\n',
    'vault:v9999999999:AAAA',
  ])('%j is none', (given) => expect(() => parseVersioned(given, 'ciphertext')).toThrow('invalid ciphertext'));

  it('base64 is written in one way only', () => {
    expect(strictBase64('QQ==')).toEqual(Buffer.from('A'));
    for (const other of ['QQ', 'QR==', 'Q Q=', 'QQ==\n', 'QQ=']) expect(strictBase64(other)).toBeUndefined();
  });
});

describe('what a key allows', () => {
  it('is made under the latest version, or one that is not too old', () => {
    expect(versionToMake(key)).toBe(5);
    expect(versionToMake(key, 5)).toBe(5);
    expect(() => versionToMake(key, 4)).toThrow('too old');
    expect(() => versionToMake(key, 6)).toThrow('not there');
    expect(versionToMake({ ...key, minEncryptionVersion: 3 }, 3)).toBe(3);
    expect(() => versionToMake({ ...key, minEncryptionVersion: 3 }, 2)).toThrow('too old');
  });

  it('is read from the least version on', () => {
    expect(() => checkReadable(key, 1)).toThrow('too old');
    expect(() => checkReadable(key, 6)).toThrow('too new');
    for (const version of [2, 3, 4, 5]) checkReadable(key, version);
  });

  it('has settings in a possible order', () => {
    const [event] = configureKey(key, 'k', { minDecryptionVersion: 3, minEncryptionVersion: 4, deletionAllowed: true });
    expect(event?.data).toMatchObject({ minDecryptionVersion: 3, minEncryptionVersion: 4, deletionAllowed: true });
    expect(configureKey(key, 'k', { minDecryptionVersion: 2 })).toEqual([]);
    for (const bad of [{ minDecryptionVersion: 6 }, { minEncryptionVersion: 6 }, { minEncryptionVersion: 1 }])
      expect(() => configureKey(key, 'k', bad)).toThrow();
  });

  it('is deleted only where that was allowed before', () => {
    expect(() => deleteKey(key, 'k')).toThrow('not allowed');
    expect(deleteKey({ ...key, deletionAllowed: true }, 'k')).toHaveLength(1);
  });
});
