import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { recoveryCodeCount, recoveryCodes, recoveryFingerprint, recoveryRandomBytes } from './recovery-code.js';

const pepper = Buffer.alloc(32, 7);
const [ann, bob] = ['0190a1b2-0000-7000-8000-000000000001', '0190a1b2-0000-7000-8000-000000000002'];
const of = (code: string, userId = ann) => recoveryFingerprint(pepper, userId, code);

describe('recovery codes', () => {
  it('are ten of fifty random bits each, without letters that read like digits', () => {
    const codes = recoveryCodes(randomBytes(recoveryRandomBytes));
    expect(new Set(codes).size).toBe(recoveryCodeCount);
    for (const code of codes) expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$/);
  });

  it('use five bits of every byte evenly', () => {
    const bytes = Uint8Array.from({ length: recoveryRandomBytes }, (_, i) => i);
    const seen = recoveryCodes(bytes).join('').replaceAll('-', '');
    expect(new Set(seen).size).toBe(32);
    expect(() => recoveryCodes(bytes.subarray(1))).toThrow(RangeError);
  });

  it.each(['abcde-01fgh', 'ABCDE01FGH', ' abcde oifgh', 'ABCDE-0LFGH'])('are found as %j', (typed) => {
    expect(of(typed)).toBe(of('ABCDE-01FGH'));
  });

  it('of two people are never equal rows, and another code is another row', () => {
    expect(of('ABCDE-01FGH', bob)).not.toBe(of('ABCDE-01FGH'));
    expect(of('ABCDE-01FGJ')).not.toBe(of('ABCDE-01FGH'));
  });
});
