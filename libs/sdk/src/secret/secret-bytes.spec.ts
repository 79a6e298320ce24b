import { describe, expect, it } from '@jest/globals';
import { secretBytes } from './secret-bytes.js';

describe('the exact bytes of a secret', () => {
  it.each([
    ['its value', { value: ' a\n' }, ' a\n'],
    ['its value, whatever stands beside it', { value: 'v', other: 'o', value_base64: 'YQ==' }, 'v'],
    ['an empty value', { value: '' }, ''],
    ['its one member', { password: 'p' }, 'p'],
    ['all members as canonical JSON', { b: 1, a: 'x' }, '{"a":"x","b":1}'],
    ['one member that is no text', { port: 1 }, '{"port":1}'],
    ['nothing at all', {}, '{}'],
    ['what calls itself base64 and is not', { value_base64: 'not base64' }, 'not base64'],
  ])('are %s', (_name, data, text) => {
    expect(secretBytes(data).toString('utf8')).toBe(text);
  });

  it('are those that were encoded', () => {
    const bytes = Buffer.from([0, 255, 10, 13, 0xc3]);
    expect(secretBytes({ value_base64: bytes.toString('base64') }).equals(bytes)).toBe(true);
  });
});
