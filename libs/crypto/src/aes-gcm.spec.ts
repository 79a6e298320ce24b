import { createSecretKey } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { decrypt, encrypt, openWithNonce, sealWithRandomNonce } from './aes-gcm.js';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** McGrew and Viega, "The Galois/Counter Mode of Operation", test cases 13, 14 and 16: AES-256, 96-bit nonce. */
const vectors = [
  {
    name: '13',
    key: '00'.repeat(32),
    nonce: '00'.repeat(12),
    aad: '',
    plain: '',
    sealed: '530f8afbc74536b9a963b4f1c4cb738b',
  },
  {
    name: '14',
    key: '00'.repeat(32),
    nonce: '00'.repeat(12),
    aad: '',
    plain: '00'.repeat(16),
    sealed: 'cea7403d4d606b6e074ec5d3baf39d18 d0d1c8a799996bf0265b98b5d48ab919',
  },
  {
    name: '16',
    key: 'feffe9928665731c6d6a8f9467308308 feffe9928665731c6d6a8f9467308308',
    nonce: 'cafebabefacedbaddecaf888',
    aad: 'feedfacedeadbeeffeedfacedeadbeefabaddad2',
    plain:
      'd9313225f88406e5a55909c5aff5269a 86a7a9531534f7da2e4c303d8a318a72' +
      '1c3c0c95956809532fcf0e2449a6b525 b16aedf5aa0de657ba637b39',
    sealed:
      '522dc1f099567d07f47f37a32a84427d 643a8cdcbfe5c0c97598a2bd2555d1aa' +
      '8cb08e48590dbb3da7b08b1056828838 c5f61e6393ba7a0abcc9f662 76fc6ece0f4e1768cddf8853bb2d551b',
  },
];

describe('AES-256-GCM', () => {
  it.each(vectors)('seals and opens test case $name', (v) => {
    const key = createSecretKey(hex(v.key));
    expect(encrypt(key, hex(v.nonce), hex(v.aad), hex(v.plain)).toString('hex')).toBe(v.sealed.replaceAll(' ', ''));
    expect(decrypt(key, hex(v.nonce), hex(v.aad), hex(v.sealed))).toEqual(hex(v.plain));
  });

  it('opens nothing after any one bit was changed', () => {
    const key = createSecretKey(Buffer.alloc(32, 1));
    const aad = Buffer.from('aad');
    const sealed = sealWithRandomNonce(key, aad, Buffer.from('text'));
    expect(openWithNonce(key, aad, sealed).toString()).toBe('text');
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = Buffer.from(sealed);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(() => openWithNonce(key, aad, changed)).toThrow(expect.objectContaining({ code: 'not_authentic' }));
    }
  });

  it('opens nothing that was cut anywhere: short tags are not accepted', () => {
    const key = createSecretKey(Buffer.alloc(32, 1));
    const sealed = sealWithRandomNonce(key, Buffer.alloc(0), Buffer.from('text'));
    for (let length = 0; length < sealed.length; length++) {
      const code = length < 28 ? 'malformed' : 'not_authentic';
      expect(() => openWithNonce(key, Buffer.alloc(0), sealed.subarray(0, length))).toThrow(
        expect.objectContaining({ code }),
      );
    }
  });

  it('draws another nonce each time', () => {
    const key = createSecretKey(Buffer.alloc(32, 1));
    const nonces = Array.from({ length: 1_000 }, () =>
      sealWithRandomNonce(key, Buffer.alloc(0), Buffer.alloc(0)).toString('hex', 0, 12),
    );
    expect(new Set(nonces).size).toBe(1_000);
  });
});
