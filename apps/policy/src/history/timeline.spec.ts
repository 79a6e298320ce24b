import { comparePositions, type Position } from '@gatehouse/contracts';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseAsOf } from './as-of.js';
import { Timeline } from './timeline.js';

const at = (tx: number, seq = 1): Position => ({ tx: BigInt(tx), seq: BigInt(seq) });

describe('a timeline', () => {
  it('knows an event from its time on, and not before those in front of it', () => {
    const line = new Timeline();
    expect([line.steps, line.stepAtTime(99), line.positionOf(0)]).toEqual([0, 0, { tx: 0n, seq: 0n }]);
    for (const [tx, us] of [
      [1, 10],
      [2, 30], // wrote late, committed early
      [3, 20],
      [4, 30],
      [5, 40],
    ] as const)
      line.add(at(tx), us);
    expect([9, 10, 20, 29, 30, 39, 40, 99].map((us) => line.stepAtTime(us))).toEqual([0, 1, 1, 1, 4, 4, 5, 5]);
    expect(line.positionOf(4)).toEqual(at(4));
  });

  it('finds the step of a position, also between two events', () => {
    const line = new Timeline();
    for (const tx of [2, 4, 6]) line.add(at(tx), tx);
    expect([1, 2, 3, 4, 5, 6, 7].map((tx) => line.stepAtPosition(at(tx)))).toEqual([0, 1, 1, 2, 2, 3, 3]);
    expect(line.stepAtPosition(at(4, 0))).toBe(1);
  });

  it('is at every time the longest beginning of the log that was known, as a search through all of it finds', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 50 })), fc.integer({ min: -1, max: 51 }), (times, us) => {
        const line = new Timeline();
        times.forEach((time, i) => void line.add(at(i + 1), time));
        const firstLater = times.findIndex((time) => time > us);
        expect(line.stepAtTime(us)).toBe(firstLater === -1 ? times.length : firstLater);
      }),
    );
  });
});

describe('a moment', () => {
  it.each([
    ['2026-11-01', Date.UTC(2026, 10, 1) * 1_000],
    ['2026-11-01T09:30:00Z', Date.UTC(2026, 10, 1, 9, 30) * 1_000],
    ['2026-11-01t09:30:00.5z', Date.UTC(2026, 10, 1, 9, 30) * 1_000 + 500_000],
    ['2026-11-01T09:30:00.123456789+02:00', Date.UTC(2026, 10, 1, 7, 30) * 1_000 + 123_456],
  ])('%s is a time', (text, us) => expect(parseAsOf(text)).toEqual({ kind: 'time', us }));

  it('is a position', () => {
    const moment = parseAsOf('812.40');
    expect(moment?.kind === 'position' && comparePositions(moment.position, at(812, 40))).toBe(0);
  });

  it.each([
    '',
    'now',
    '2026-02-30',
    '2026-13-01',
    '2026-11-01T09:30',
    '2026-11-01T09:30:00',
    '2026-11-01 09:30:00Z',
    '1e9',
    '2026-11-01T24:00:00Z',
    '2026-11-01T09:30:60Z',
    '-1.5',
    '1.',
    ' 1.1',
    '123456789012345678901.1',
    '2026-11-01T09:30:00+99:00',
  ])('is nothing else: %s', (text) => expect(parseAsOf(text)).toBeUndefined());
});
