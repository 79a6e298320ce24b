import { describe, expect, it } from '@jest/globals';
import { Pace } from './pace.js';

describe('Pace', () => {
  it('lets so many in at once, and as many every second', () => {
    const pace = new Pace(10);
    const admitted = (nowMs: number) =>
      Array.from({ length: 30 }, () => pace.admit(nowMs, 0.5)).filter((wait) => wait === undefined);
    expect(admitted(1_000)).toHaveLength(10);
    expect(admitted(1_000)).toHaveLength(0);
    expect(admitted(1_500)).toHaveLength(5);
    expect(admitted(60_000)).toHaveLength(10);
  });

  it('spreads thousands who are refused at once over the time that they need', () => {
    const pace = new Pace(100);
    const waits = Array.from({ length: 2_000 }, (_, i) => pace.admit(0, (i * 0.618) % 1) ?? 0);
    const late = waits.filter((wait) => wait > 5_000).length;
    expect(Math.max(...waits)).toBeGreaterThan(15_000);
    expect(Math.max(...waits)).toBeLessThan(61_000);
    expect(late).toBeGreaterThan(500);
    expect(waits.filter((wait) => wait > 0 && wait < 500)).toEqual([]);
  });
});
