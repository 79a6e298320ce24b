import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { AddressRate } from './address-rate.js';

const rateOf = (perSecond: number, burst: number, maxAddresses = 1_000) =>
  new AddressRate({ perSecond, burst, maxAddresses });

const takenOf = (rate: AddressRate, address: string, atMs: readonly number[]) =>
  atMs.filter((nowMs) => rate.take(address, nowMs) === 0).length;

describe('AddressRate', () => {
  it('lets a burst through, then refuses and says how long', () => {
    const rate = rateOf(10, 3);
    expect([1, 2, 3].map(() => rate.take('a', 1_000))).toEqual([0, 0, 0]);
    expect(rate.take('a', 1_000)).toBeCloseTo(100);
    expect(rate.take('a', 1_050)).toBeCloseTo(50);
    expect(rate.take('a', 1_100)).toBe(0);
  });

  it('refills evenly and never beyond the burst', () => {
    const rate = rateOf(10, 3);
    expect(takenOf(rate, 'a', [0, 0, 0, 0])).toBe(3);
    expect(takenOf(rate, 'a', Array(10).fill(1_000_000))).toBe(3);
  });

  it('counts every address for itself', () => {
    const rate = rateOf(1, 1);
    expect(rate.take('a', 0)).toBe(0);
    expect(rate.take('a', 0)).toBeGreaterThan(0);
    expect(rate.take('b', 0)).toBe(0);
  });

  it('remembers no more addresses than it may, and the busy ones longest', () => {
    const rate = rateOf(1, 1, 100);
    expect(rate.take('busy', 0)).toBe(0);
    for (let i = 0; i < 49; i++) rate.take(`other-${i}`, 0);
    expect(rate.take('busy', 0)).toBeGreaterThan(0);
    let most = 0;
    for (let i = 0; i < 100_000; i++) {
      rate.take(`flood-${i}`, 0);
      most = Math.max(most, rate.size);
    }
    expect(most).toBeLessThanOrEqual(100);
  });

  it('never lets through more than burst and rate together, whenever requests come', () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 200 });
    fc.assert(
      fc.property(
        gaps,
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 20 }),
        (pauses, perSecond, burst) => {
          const rate = rateOf(perSecond, burst);
          let nowMs = 5_000;
          const taken = pauses.filter((pause) => {
            nowMs += pause;
            return rate.take('a', nowMs) === 0;
          }).length;
          expect(taken).toBeLessThanOrEqual(burst + (perSecond * (nowMs - 5_000)) / 1_000 + 1e-6);
        },
      ),
    );
  });
});
