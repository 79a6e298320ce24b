import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { foundAs, guessesOf, maxTexts, valueTexts } from './value-texts.js';

const textsOf = (data: unknown) => valueTexts(data).map(String);

describe('the texts of a value', () => {
  it('are every text in it, without the blanks around', () => {
    expect(textsOf({ user: 'app-web', deep: { list: [' hunter22\n', { pin: 123456 }] } })).toEqual([
      'app-web',
      'hunter22',
      '123456',
    ]);
  });

  it('leave out what is too short to say anything, and say nothing twice', () => {
    expect(textsOf({ a: 'true', b: '5432', c: true, d: null, e: 'hunter22', f: 'hunter22 ' })).toEqual(['hunter22']);
  });

  it('hold what value_base64 stands for', () => {
    const bytes = Buffer.from([1, 2, 255, 254, 253, 0]);
    expect(valueTexts({ value_base64: bytes.toString('base64') })).toContainEqual(bytes);
  });

  it('are bounded', () => {
    const data = Object.fromEntries(Array.from({ length: 2 * maxTexts }, (_, n) => [`k${n}`, `value-${n}`]));
    expect(valueTexts(data)).toHaveLength(maxTexts);
  });
});

describe('a leaked string', () => {
  const leaf = fc.string({ unit: 'grapheme', minLength: 8, maxLength: 40 }).filter((text) => foundAs(text).length > 4);
  const isFound = (leaked: string, value: string) =>
    guessesOf(leaked).some((guess) => valueTexts({ value }).some((text) => text.equals(guess)));

  it('is found as it was copied: with blanks, in quotes, assigned, encoded', () => {
    fc.assert(
      fc.property(leaf, (value) => {
        const copied = [value, `  ${value}\n`, Buffer.from(value).toString('base64')];
        for (const leaked of copied) expect([leaked, isFound(leaked, value)]).toEqual([leaked, true]);
      }),
    );
    for (const leaked of ['"hunter22"', "PASSWORD='hunter22'", 'export TOKEN=hunter22', 'password: "hunter22"'])
      expect([leaked, isFound(leaked, 'hunter22')]).toEqual([leaked, true]);
    expect(isFound("PASSWORD='x hunter22'", "'x hunter22'")).toBe(true);
  });

  it('is not looked for when it is too short', () => expect(guessesOf(' yes ')).toEqual([]));
});
