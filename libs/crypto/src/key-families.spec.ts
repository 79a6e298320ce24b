import { describe, expect, it } from '@jest/globals';
import {
  bearerFamily,
  displayPrefix,
  generateKey,
  isCanonicalKey,
  isSetupToken,
  maxBearerLength,
} from './key-families.js';

const mas = `mas_${'aB3-_'.repeat(10)}xyzA`;
const device = `m87_${'k'.repeat(8)}.${'z'.repeat(40)}`;

describe('generateKey', () => {
  it.each([
    ['mas_', /^mas_[A-Za-z0-9_-]{53}[AQgw]$/],
    ['mau_', /^mau_[A-Za-z0-9_-]{53}[AQgw]$/],
    ['gst_', /^gst_[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/],
  ] as const)('makes canonical %s keys, each another', (family, pattern) => {
    const keys = Array.from({ length: 2_000 }, () => generateKey(family));
    expect(keys.filter((key) => !pattern.test(key) || !isCanonicalKey(key))).toEqual([]);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('carries 40 bytes in a mas_ key and 32 in a set-up token', () => {
    expect(Buffer.from(generateKey('mas_').slice(4), 'base64url')).toHaveLength(40);
    expect(Buffer.from(generateKey('gst_').slice(4), 'base64url')).toHaveLength(32);
  });
});

describe('bearerFamily', () => {
  it.each([
    [mas, 'mas_'],
    [mas.replace('mas_', 'mau_'), 'mau_'],
    [`mas_${'_'.repeat(54)}`, 'mas_'],
    [`mas_${'-'.repeat(54)}`, 'mas_'],
    [device, 'm87_'],
    ['eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ1XzcifQ.c2ln', 'jwt'],
  ])('knows %s as %s', (text, family) => {
    expect(bearerFamily(text)).toBe(family);
  });

  it.each([
    ['nothing', ''],
    ['the prefix alone', 'mas_'],
    ['one character less', mas.slice(0, -1)],
    ['one character more', `${mas}A`],
    ['a character outside the alphabet', `${mas.slice(0, -1)}+`],
    ['a blank in front', ` ${mas}`],
    ['a line break behind', `${mas}\n`],
    ['a line break in front', `\n${mas}`],
    ['another case of the prefix', mas.replace('mas_', 'MAS_')],
    ['an unknown prefix', mas.replace('mas_', 'mat_')],
    ['a device key without its dot', device.replace('.', '')],
    ['a device key with a dash', device.replace('z', '-')],
    ['one dot', 'aaa.bbb'],
    ['three dots', 'aaa.bbb.ccc.ddd'],
    ['an unsigned token', 'aaa.bbb.'],
    ['a token without a header', '.bbb.ccc'],
    ['a set-up token', generateKey('gst_')],
    ['more than is ever looked at', `${'a'.repeat(maxBearerLength)}.b.c`],
  ])('knows no family for %s', (_name, text) => {
    expect(bearerFamily(text)).toBeUndefined();
  });
});

describe('isCanonicalKey', () => {
  it('tells spare bits that are not zero, which import accepts with a warning', () => {
    expect(isCanonicalKey(mas)).toBe(true);
    for (const last of 'BCPRfhvx019-_') {
      const text = mas.slice(0, -1) + last;
      expect([bearerFamily(text), isCanonicalKey(text)]).toEqual(['mas_', false]);
    }
  });

  it('is false for what is no key', () => {
    expect(isCanonicalKey('')).toBe(false);
    expect(isCanonicalKey(`${mas}\n`)).toBe(false);
  });
});

describe('displayPrefix and isSetupToken', () => {
  it('shows the first 12 characters', () => {
    expect(displayPrefix(mas)).toBe(mas.slice(0, 12));
    expect(displayPrefix(device)).toBe('m87_kkkkkkkk');
  });

  it('refuses what is no key, which would be shown whole, and does not repeat it', () => {
    expect(() => displayPrefix('hunter2')).toThrow(/^(?!.*hunter2)/);
    expect(() => displayPrefix('hunter2')).toThrow(RangeError);
  });

  it('knows a set-up token', () => {
    expect(isSetupToken(generateKey('gst_'))).toBe(true);
    expect(isSetupToken(`${generateKey('gst_')}A`)).toBe(false);
    expect(isSetupToken(mas)).toBe(false);
  });
});
