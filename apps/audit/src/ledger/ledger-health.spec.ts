import { describe, expect, it } from '@jest/globals';
import { staleCheckpoint } from './ledger-health.js';
import { type LedgerState, withUnsignedSince } from './ledger-watch.js';

const second = 1_000;
const idle: LedgerState = {
  size: 10,
  newestAtMs: 0,
  checkpointSize: 10,
  checkpointAtMs: 0,
  unsignedSinceMs: undefined,
};

describe('a stale checkpoint', () => {
  it.each([
    ['an idle ledger signed within the minute', idle, 59 * second, false],
    ['an idle ledger that a minute and the grace have passed over', idle, 76 * second, true],
    ['news that has waited a moment', { ...idle, size: 11, unsignedSinceMs: 50 * second }, 55 * second, false],
    ['news that has waited too long', { ...idle, size: 11, unsignedSinceMs: 30 * second }, 46 * second, true],
  ])('%s', (_name, state, nowMs, expected) => {
    expect(staleCheckpoint(state, nowMs) !== undefined).toBe(expected);
  });

  it('is none at all, too', () => {
    expect(staleCheckpoint(undefined, 0)).toMatch('not been read');
    expect(staleCheckpoint({ ...idle, checkpointAtMs: undefined }, 0)).toMatch('no checkpoint');
  });
});

describe('waiting for a checkpoint', () => {
  it('begins with the first entry without one, and ends with the checkpoint', () => {
    const { unsignedSinceMs: _, ...look } = idle;
    const signed = withUnsignedSince(look, undefined, 1);
    const waiting = withUnsignedSince({ ...look, size: 11 }, signed, 2);
    const stillWaiting = withUnsignedSince({ ...look, size: 12 }, waiting, 3);
    const partly = withUnsignedSince({ ...look, size: 13, checkpointSize: 12 }, stillWaiting, 4);
    expect([signed, waiting, stillWaiting, partly].map((state) => state.unsignedSinceMs)).toEqual([undefined, 2, 2, 4]);
  });
});
