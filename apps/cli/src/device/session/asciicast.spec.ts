import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CastReader, delayMs, forTerminal } from './asciicast.js';

const lines = ['{"version":2,"width":80,"height":24}', '[0.5,"o","héllo\\r\\n"]', '[1.25,"i","x"]', '[2,"r","100x40"]'];
const text = Buffer.from(`${lines.join('\n')}\n`);
const read = (pieces: readonly Uint8Array[]) => {
  const reader = new CastReader();
  const all = pieces.flatMap((piece) => reader.take(piece));
  return { all, bad: reader.bad, isCut: reader.isCut };
};

describe('a recording', () => {
  it('is read the same however it is cut', () => {
    const whole = read([text]);
    expect(whole).toMatchObject({ bad: 0, isCut: false });
    expect(whole.all[0]).toEqual({ kind: 'header', columns: 80, rows: 24 });
    expect(whole.all[1]).toEqual({ kind: 'event', atSeconds: 0.5, code: 'o', data: 'héllo\r\n' });
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: text.length }), { maxLength: 6 }), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), text.length];
        expect(read(at.slice(1).map((end, i) => text.subarray(at[i], end)))).toEqual(whole);
      }),
    );
  });

  it('whose device died within a line plays up to there', () => {
    expect(read([text.subarray(0, text.length - 5)])).toMatchObject({ all: { length: 3 }, bad: 0, isCut: true });
    expect(read([Buffer.from('{"version":1}\n[0,"o"]\nx\n')])).toMatchObject({ all: [], bad: 3 });
  });

  it('waits as long as it was, but nobody sits through a night', () => {
    expect(delayMs(1, 1.5, 1, 2)).toBe(500);
    expect(delayMs(1, 1.5, 2, 2)).toBe(250);
    expect(delayMs(1, 30_000, 1, 2)).toBe(2_000);
    expect(delayMs(5, 1, 1, 2)).toBe(0);
  });

  it.each([
    ['plain \u001b[31mred\u001b[0m \u001b[2Jclear', 'plain \u001b[31mred\u001b[0m \u001b[2Jclear'],
    ['a\u001b]52;c;ZXZpbA==\u0007b', 'ab'],
    ['a\u001b]0;title\u001b\\b', 'ab'],
    ['a\u001bPq..\u001b\\b', 'ab'],
    ['a\u001b[cb\u001b[6nc\u001b[21td\u0005', 'abcd'],
    ['a\u009d52;c;x\u009cb', 'ab'],
  ])('what a terminal would act on is left out: %j', (given, expected) => expect(forTerminal(given)).toBe(expected));
});
