import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { secretBytes, secretPart } from './secret-bytes.js';

describe('the exact bytes of a secret', () => {
  it.each([
    ['value', { value: ' a\n' }, ' a\n'],
    ['value', { value: 'v', other: 'o', value_base64: 'YQ==' }, 'v'],
    ['value', { value: '', value_base64: 'YQ==' }, ''],
    ['value_base64', { value_base64: 'AGE=' }, '\0a'],
    ['value_base64', { value_base64: '', other: 1 }, ''],
    ['single_member', { password: 'hunter2' }, 'hunter2'],
    ['single_member', { value_base64: 'not base64' }, 'not base64'],
    ['object', { value: 1 }, '{"value":1}'],
    ['object', { b: 1, a: 'x' }, '{"a":"x","b":1}'],
    ['object', {}, '{}'],
  ])('are those of its %s: %j', (part, data, text) => {
    expect(secretPart(data)).toBe(part);
    expect(secretBytes(data).toString('utf8')).toBe(text);
  });

  it('come back from base64, whatever they are', () =>
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const given = Buffer.from(bytes);
        expect(secretBytes({ value_base64: given.toString('base64') }).equals(given)).toBe(true);
      }),
    ));
});
