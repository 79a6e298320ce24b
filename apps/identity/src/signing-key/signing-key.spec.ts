import { describe, expect, it } from '@jest/globals';
import { announcedMs, currentKey, nextKeyDue, signingPeriodMs, timesFrom } from './signing-key.js';

describe('rotation of signing keys', () => {
  it('makes the first key at once', () => expect(nextKeyDue([], 1_000)).toBe(1_000));

  it('makes nothing while the last key has time left', () => {
    expect(nextKeyDue([timesFrom(0)], signingPeriodMs - announcedMs - 1)).toBeUndefined();
  });

  it('announces the next key a day before it signs', () => {
    expect(nextKeyDue([timesFrom(0)], signingPeriodMs - announcedMs)).toBe(signingPeriodMs);
  });

  it('signs with the old key until the new one starts, then with the new one', () => {
    const [old, next] = [timesFrom(0), timesFrom(signingPeriodMs)];
    expect(currentKey([old, next], signingPeriodMs - 1)).toBe(old);
    expect(currentKey([old, next], signingPeriodMs)).toBe(next);
  });

  it('publishes a key longer than it signs', () => {
    const { signsUntilMs, publishedUntilMs } = timesFrom(0);
    expect(publishedUntilMs).toBeGreaterThan(signsUntilMs);
  });
});
