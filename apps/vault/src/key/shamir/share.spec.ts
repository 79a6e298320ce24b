import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseShare, sharePattern, shareText } from './share.js';

const setId = '0011223344556677';
const share = new Uint8Array(randomBytes(33));
const text = shareText(setId, share);

describe('a share', () => {
  it('is read as it was written', () => {
    expect(text).toMatch(sharePattern);
    expect(parseShare(text, setId)).toEqual(share);
  });

  it('with any letter changed is refused, and not repeated', () => {
    const position = fc.integer({ min: 0, max: text.length - 1 });
    fc.assert(
      fc.property(position, fc.constantFrom(...'aB7_-.'), (at, letter) => {
        fc.pre(text[at] !== letter);
        const changed = text.slice(0, at) + letter + text.slice(at + 1);
        // The last character has spare bits, which say nothing.
        if (at === text.length - 1) return;
        expect(() => parseShare(changed, setId)).toThrow(
          expect.objectContaining({ code: 'share_malformed', message: expect.not.stringContaining(changed.slice(8)) }),
        );
      }),
      { numRuns: 300 },
    );
  });

  it.each(['', 'gsh_', text.slice(0, -1), `${text}A`, ` ${text}`, text.replace('gsh_', 'gus_')])(
    'of another form is refused: %#',
    (given) => expect(() => parseShare(given, setId)).toThrow(expect.objectContaining({ code: 'share_malformed' })),
  );

  it('of another set is refused as such', () => {
    expect(() => parseShare(text, '0011223344556678')).toThrow(expect.objectContaining({ code: 'share_of_other_set' }));
  });
});
