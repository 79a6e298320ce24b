import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Escape } from './escape.js';

const typed = (...pieces: string[]) => {
  const way = new Escape();
  let sent = '';
  for (const piece of pieces) {
    const { send, isOut } = way.take(Buffer.from(piece, 'latin1'));
    sent += Buffer.from(send).toString('latin1');
    if (isOut) return { sent, isOut };
  }
  return { sent, isOut: false };
};

describe('the way out of a terminal', () => {
  it.each([
    ['at the beginning', ['~.'], '', true],
    ['after Enter', ['ls\r~.'], 'ls\r', true],
    ['in pieces', ['ls\r', '~', '.'], 'ls\r', true],
    ['not within a line', ['ls ~.'], 'ls ~.', false],
    ['two tildes are one', ['\r~~.'], '\r~.', false],
    ['a tilde before anything else is itself', ['\r~/bin'], '\r~/bin', false],
    ['a tilde before Enter, and again', ['\r~\r~.'], '\r~\r', true],
  ])('%s', (_name, pieces, sent, isOut) => expect(typed(...pieces)).toEqual({ sent, isOut }));

  it('passes all bytes without a tilde, 0xff among them, however they are cut', () => {
    const bytes = fc.uint8Array({ maxLength: 64 }).map((all) => all.map((byte) => (byte === 126 ? 255 : byte)));
    fc.assert(
      fc.property(fc.array(bytes), (pieces) => {
        const way = new Escape();
        const sent = pieces.flatMap((piece) => [...way.take(piece).send]);
        expect(sent).toEqual(pieces.flatMap((piece) => [...piece]));
      }),
    );
  });
});
