import { describe, expect, it } from '@jest/globals';
import { AttemptLimit } from './attempt-limit.js';

const at = Date.UTC(2026, 10, 22);

describe('attempt limit', () => {
  it('lets ten through at once and says how long the eleventh waits', () => {
    const limit = new AttemptLimit(10);
    expect(Array.from({ length: 10 }, () => limit.take(at))).toEqual(Array(10).fill(0));
    expect(limit.take(at)).toBe(6_000);
  });

  it('lets one more through after that wait, and no second one', () => {
    const limit = new AttemptLimit(10);
    for (let i = 0; i < 10; i++) limit.take(at);
    expect(limit.take(at + 5_999)).toBe(1);
    expect(limit.take(at + 6_000)).toBe(0);
    expect(limit.take(at + 6_000)).toBe(6_000);
  });

  it('counts no refused attempt: who keeps knocking does not shut others out for longer', () => {
    const limit = new AttemptLimit(10);
    for (let i = 0; i < 1_000; i++) limit.take(at);
    expect(limit.take(at + 6_000)).toBe(0);
  });

  it('never saves up more than a minute', () => {
    const limit = new AttemptLimit(10);
    limit.take(at);
    const later = at + 3_600_000;
    expect(Array.from({ length: 12 }, () => limit.take(later)).filter((waitMs) => waitMs === 0)).toHaveLength(10);
  });
});
