import { createHmac, createSecretKey, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { addressPseudonym, blindIndex, keyFingerprint, messageCode, pseudonym } from './keyed-hash.js';

const pepper = Buffer.alloc(32, 7);
const other = Buffer.alloc(32, 8);

describe('keyFingerprint', () => {
  it('is HMAC-SHA-256: RFC 4231, test case 6', () => {
    const key = Buffer.alloc(131, 0xaa);
    const text = 'Test Using Larger Than Block-Size Key - Hash Key First';
    const expected = '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54';
    expect(keyFingerprint(key, text).toString('hex')).toBe(expected);
    expect(keyFingerprint(createSecretKey(key), text).toString('hex')).toBe(expected);
  });

  it('differs by pepper and by key', () => {
    expect(keyFingerprint(pepper, 'a')).not.toEqual(keyFingerprint(other, 'a'));
    expect(keyFingerprint(pepper, 'a')).not.toEqual(keyFingerprint(pepper, 'b'));
  });

  it('refuses a short pepper and text that UTF-8 cannot hold', () => {
    expect(() => keyFingerprint(randomBytes(31), 'a')).toThrow(RangeError);
    expect(() => keyFingerprint(createSecretKey(randomBytes(31)), 'a')).toThrow(RangeError);
    expect(() => keyFingerprint(pepper, '\ud800')).toThrow(RangeError);
  });
});

describe('messageCode', () => {
  it('differs by text to the letter, by purpose and by pepper, and from every other use of the pepper', () => {
    const all = [
      messageCode(pepper, 'a', 'x'),
      messageCode(pepper, 'a', 'X'),
      messageCode(pepper, 'b', 'x'),
      messageCode(other, 'a', 'x'),
      blindIndex(pepper, 'a', 'x'),
      pseudonym(pepper, 'x'),
      keyFingerprint(pepper, 'x').toString('base64url'),
    ];
    expect(new Set(all).size).toBe(all.length);
    expect(messageCode(pepper, 'a', 'x')).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(() => messageCode(pepper, 'a\0b', 'x')).toThrow(RangeError);
  });
});

describe('blindIndex', () => {
  it('is the same for letter case and for composed and decomposed accents', () => {
    const index = blindIndex(pepper, 'user.email', 'rené@example.org');
    expect(blindIndex(pepper, 'user.email', 'RENÉ@Example.ORG')).toBe(index);
    expect(blindIndex(pepper, 'user.email', 'rene\u0301@example.org')).toBe(index);
    expect(index).toMatch(/^[A-Za-z0-9_-]{43}$/);
    // There is a composed small j with caron and no capital one, so lower case alone is not composed again.
    expect(blindIndex(pepper, 'user.name', 'J\u030c')).toBe(blindIndex(pepper, 'user.name', '\u01f0'));
  });

  it('differs by text, purpose and pepper', () => {
    const all = [
      blindIndex(pepper, 'user.email', 'a@b'),
      blindIndex(pepper, 'user.email', ' a@b'),
      blindIndex(pepper, 'user.name', 'a@b'),
      blindIndex(other, 'user.email', 'a@b'),
      pseudonym(pepper, 'a@b'),
      keyFingerprint(pepper, 'a@b').toString('base64url'),
    ];
    expect(new Set(all).size).toBe(all.length);
  });

  it('cannot be confused about where the purpose ends', () => {
    const forged = createHmac('sha256', pepper).update('gatehouse.blind-index.v1\0a\0b').digest('base64url');
    expect(blindIndex(pepper, 'a', 'b')).toBe(forged);
    expect(() => blindIndex(pepper, 'a\0b', '')).toThrow(RangeError);
  });

  it.each(['', 'User', '1a', 'a b', 'a'.repeat(65)])('refuses the purpose %p', (purpose) => {
    expect(() => blindIndex(pepper, purpose, 'a')).toThrow(RangeError);
  });

  it('finds a value again after any change of letter case that goes back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const lower = text.normalize('NFC').toLowerCase();
        expect(blindIndex(pepper, 'p', lower)).toBe(blindIndex(pepper, 'p', text));
      }),
    );
  });
});

describe('pseudonym', () => {
  it('is equal for equal text only, and fits an identifier', () => {
    expect(pseudonym(pepper, 'ann@example.org')).toMatch(/^p_[A-Za-z0-9_-]{22}$/);
    expect(pseudonym(pepper, 'ann@example.org')).toBe(pseudonym(pepper, 'ann@example.org'));
    expect(pseudonym(pepper, 'Ann@example.org')).not.toBe(pseudonym(pepper, 'ann@example.org'));
    expect(pseudonym(other, 'ann@example.org')).not.toBe(pseudonym(pepper, 'ann@example.org'));
  });
});

describe('addressPseudonym', () => {
  const ann = addressPseudonym(pepper, 'ann@example.org');

  it('keeps the domain and nothing else of the address, and says the same of what it said before', () => {
    expect(ann).toBe(`${pseudonym(pepper, 'ann@example.org')}@example.org`);
    expect(addressPseudonym(pepper, ann)).toBe(ann);
    expect(addressPseudonym(pepper, 'bob@example.org')).not.toBe(ann);
  });

  it.each([
    ['a handle', '@ann'],
    ['a name without dots', 'ann@home'],
    ['a path behind it', 'ann@example.org/inbox'],
    ['a token behind it', 'x@eyJhbGciOi.eyJzdWIi.c2ln'],
    ['an endless one', `ann@${'a.'.repeat(150)}org`],
    ['none', 'ann@'],
  ])('keeps nothing of %s', (_name, text) => expect(addressPseudonym(pepper, text)).toBe(pseudonym(pepper, text)));
});
