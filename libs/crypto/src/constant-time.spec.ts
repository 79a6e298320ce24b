import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { constantTimeEqual } from './constant-time.js';

describe('constantTimeEqual', () => {
  it('agrees with === on text and with Buffer.equals on bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
        expect(constantTimeEqual(a, b)).toBe(a === b);
        expect(constantTimeEqual(a, Buffer.from(a))).toBe(true);
        expect(constantTimeEqual(Buffer.from(a), Buffer.from(b))).toBe(Buffer.from(a).equals(Buffer.from(b)));
      }),
    );
  });

  it.each([
    ['', 'a'],
    ['a', ''],
    ['abc', 'abd'],
    ['abc', 'abcd'],
  ])('tells %p from %p', (a, b) => {
    expect(constantTimeEqual(a, b)).toBe(false);
    expect(constantTimeEqual(Buffer.from(a), b)).toBe(false);
  });

  it('takes half a surrogate pair for equal to nothing, not to the U+FFFD it would be encoded as', () => {
    expect(constantTimeEqual('\ud800', '\ufffd')).toBe(false);
    expect(constantTimeEqual(Buffer.from('\ufffd'), '\udc00')).toBe(false);
    expect(constantTimeEqual('\ud800', '\ud800')).toBe(false);
  });
});
