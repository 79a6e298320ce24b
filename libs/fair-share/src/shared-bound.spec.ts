import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SharedBound } from './shared-bound.js';

const one = (group: string) => ({ group, count: 1 });
/** How many of a group get in, one by one. */
const fill = (bound: SharedBound, group: string): number => {
  let entered = 0;
  while (bound.enter(one(group))) entered++;
  return entered;
};

describe('a bound that groups share', () => {
  it('is all for who is alone, and no more than that', () => {
    const bound = new SharedBound(12);
    expect(fill(bound, 'a')).toBe(12);
    bound.leave(one('a'));
    expect(fill(bound, 'a')).toBe(1);
  });

  it('leaves others an equal share when one has filled it', () => {
    const bound = new SharedBound(12);
    fill(bound, 'a');
    expect([fill(bound, 'b'), fill(bound, 'c')]).toEqual([6, 4]);
    // Whoever has more than his share gets nothing again before there is room.
    bound.leave(one('a'));
    expect(bound.enter(one('a'))).toBe(false);
    expect(bound.enter(one('c'))).toBe(false);
    expect(bound.enter(one('d'))).toBe(true);
  });

  it('takes many at once from who has none, also more than the bound when nobody is there', () => {
    const bound = new SharedBound(4);
    expect(bound.enter({ group: 'a', count: 9 })).toBe(true);
    bound.leave({ group: 'a', count: 9 });
    expect(fill(bound, 'a')).toBe(4);
    expect(bound.enter({ group: 'b', count: 4 })).toBe(true);
    expect(bound.enter({ group: 'c', count: 1 })).toBe(false);
  });

  it('never holds more than twice itself, and is as new when all have left', () => {
    const entries = fc.array(
      fc.record({ group: fc.constantFrom(...'abcdefgh'), count: fc.integer({ min: 1, max: 9 }) }),
    );
    fc.assert(
      fc.property(entries, (asked) => {
        const bound = new SharedBound(10);
        const entered = asked.filter((entry) => bound.enter(entry));
        expect(entered.reduce((sum, { count }) => sum + count, 0)).toBeLessThanOrEqual(20);
        for (const entry of entered) bound.leave(entry);
        expect(fill(bound, 'a')).toBe(10);
      }),
    );
  });
});
