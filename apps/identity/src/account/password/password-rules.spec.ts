import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { canonicalPassword, type PasswordProblem, passwordProblem } from './password-rules.js';

const common = new Set(['password', 'correcthorse', 'letmein12345']);
const rules = { minLength: 10, isCommon: (text: string) => common.has(text) };
const own = { email: 'ann.miller@example.org', name: 'Ann Miller' };

describe('a new password', () => {
  it.each<[string, PasswordProblem | undefined]>([
    ['wombat tray lantern', undefined],
    ['пароль-из-слов', undefined],
    ['正しい馬電池ホッチキス', undefined],
    ['short pw', 'too_short'],
    ['😀😀😀😀😀', 'too_short'],
    ['x1'.repeat(513), 'too_long'],
    ['ﬃ'.repeat(400), 'too_long'],
    ['half a \ud800 pair here', 'malformed'],
    ['LetMeIn12345', 'common'],
    ['!!Password2026!', 'common'],
    ['ｌｅｔｍｅｉｎ１２３４５', 'common'],
    ['abababababab', 'common'],
    ['9876543210', 'common'],
    ['ann.miller@example.org', 'personal'],
    ['Miller1987', 'personal'],
    ['annmiller example', 'personal'],
    ['miller keeps wombats', undefined],
  ])('%j: %s', (password, problem) => {
    expect(passwordProblem(password, rules, own)).toBe(problem);
  });

  it('is the same in every spelling of Unicode', () => {
    expect(canonicalPassword('cafe\u0301 mu\u0308sli')).toBe(canonicalPassword('café müsli'));
  });

  it('is judged without failing, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (password, name) => {
        const problem = passwordProblem(password, rules, { ...own, name });
        if (problem === undefined) expect([...canonicalPassword(password)].length).toBeGreaterThanOrEqual(10);
      }),
    );
  });
});
