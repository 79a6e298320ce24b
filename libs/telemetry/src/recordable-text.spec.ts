import { randomBytes } from 'node:crypto';
import { addressPseudonym, generateKey, pseudonym } from '@gatehouse/crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isRecordedWhole, recordableText, recordedForms } from './recordable-text.js';

const pepper = randomBytes(32);
const recorded = (text: string) => recordableText(pepper, text);
const ann = addressPseudonym(pepper, 'ann@example.org');

describe('a path as it may be recorded', () => {
  it('keeps every segment that holds no address and no key', () => {
    const key = generateKey('mas_');
    expect(recorded('production/ann@example.org')).toBe(`production/${ann}`);
    expect(recorded(`a/${key}/b/ann@example.org/c`)).toBe(`a/${pseudonym(pepper, key)}/b/${ann}/c`);
    expect(recorded('@/x')).toBe(`${pseudonym(pepper, '@')}/x`);
  });

  it('is the path of what each part of it is, so that patterns over some of them still match', () => {
    const part = fc.oneof(
      fc.constantFrom('production', 'ann@example.org', '@', 'mas_x', generateKey('mau_'), '*', '', 'x y'),
      fc.string({ maxLength: 10 }).filter((text) => !text.includes('/')),
    );
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), fc.array(part, { maxLength: 6 }), (above, below) => {
        const path = [...above, ...below].join('/');
        expect(recorded(path)).toBe([...above, ...below].map(recorded).join('/'));
        expect(recorded(recorded(path))).toBe(recorded(path));
        expect(recorded(path)).not.toMatch(/ann@|mau_[A-Za-z0-9_-]{9}/);
      }),
    );
  });

  it.each(['@', 'a@b.co', `eyJ123456.${'a'.repeat(12)}`, generateKey('mas_').slice(0, 13)])(
    'has room wherever identifiers have: %s',
    (segment) => {
      for (let count = 1; 11 + (segment.length + 1) * count <= 512; count *= 2) {
        const path = ['production', ...new Array<string>(count).fill(segment)].join('/');
        expect(recorded(path).length).toBeLessThanOrEqual(512);
        expect(recorded(path)).toMatch(/^production\/p_/);
        expect(recorded(path).split('/')).not.toContain(segment);
      }
    },
  );

  it('tells paths apart beyond that, too', () => {
    const long = `production/${'@/'.repeat(249)}`;
    expect(recorded(`${long}1`)).not.toBe(recorded(`${long}2`));
  });

  it.each([0, 1, 15, 18, 19, 20, 60, 250])('says whether it hides the end: %i addresses', (count) => {
    const path = `production/${'@/'.repeat(count)}private`;
    const whole = path.split('/').map(recorded).join('/');
    expect(isRecordedWhole(pepper, path)).toBe(recorded(path) === whole);
    expect(recorded(path).endsWith('/private')).toBe(isRecordedWhole(pepper, path));
  });
});

describe('the forms in which a text may stand in the log', () => {
  it('are those of all versions, and one where they agree', () => {
    expect(recordedForms(pepper, 'prod/DATABASE_URL')).toEqual(['prod/DATABASE_URL']);
    expect(recordedForms(pepper, 'ann@example.org')).toEqual([ann, pseudonym(pepper, 'ann@example.org')]);
    expect(recordedForms(pepper, 'prod/ann@example.org')).toEqual([
      `prod/${ann}`,
      addressPseudonym(pepper, 'prod/ann@example.org'),
      pseudonym(pepper, 'prod/ann@example.org'),
    ]);
  });
});
