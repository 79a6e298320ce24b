import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { uuidv7, uuidv7Source } from './uuidv7.js';

const pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const timestampOf = (id: string): number => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);

describe('uuidv7', () => {
  it('gives the bytes of RFC 9562, A.6', () => {
    // rand_a 0xCC3 and rand_b 0x18C4DC0C0C07398F; the seed of the counter keeps 11 of the 12 bits of rand_a.
    const vector = [0xcc, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f];
    const id = uuidv7Source((into) => into.set(vector))(0x017f22e279b0);
    expect(id).toBe('017f22e2-79b0-74c3-98c4-dc0c0c07398f');
  });

  it('is a version 7 UUID with the time it was given', () => {
    const now = Date.now() + 1_000;
    expect(uuidv7(now)).toMatch(pattern);
    expect(timestampOf(uuidv7Source()(now))).toBe(now);
  });

  it('grows with every call, however the clock jumps', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 2, maxLength: 200 }), (times) => {
        const next = uuidv7Source();
        const ids = times.map((ms) => next(ms));
        expect(ids).toEqual([...ids].sort());
        expect(new Set(ids).size).toBe(ids.length);
      }),
    );
  });

  it('goes on into the next millisecond when the counter is full, and stays in order', () => {
    const next = uuidv7Source();
    const ids = Array.from({ length: 10_000 }, () => next(7));
    expect(ids).toEqual([...ids].sort());
    expect(ids.every((id) => pattern.test(id))).toBe(true);
    expect(timestampOf(ids[0] as string)).toBe(7);
    expect(timestampOf(ids[9_999] as string)).toBeGreaterThan(7);
  });

  it('repeats no random bits over several fillings of the pool', () => {
    const next = uuidv7Source();
    const tails = Array.from({ length: 20_000 }, (_, i) => next(i).slice(19));
    expect(new Set(tails).size).toBe(tails.length);
  });

  it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 48])('refuses %p as a time', (ms) => {
    expect(() => uuidv7Source()(ms)).toThrow(RangeError);
  });
});
