import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { totpCode, totpSecret, totpSecretBytes, totpStep, totpUri } from './totp.js';

/** RFC 6238, appendix B: the secret `12345678901234567890`, the last six of its eight digits. */
const secret = totpSecret(Buffer.from('12345678901234567890'));
const vectors: readonly [seconds: number, code: string][] = [
  [59, '287082'],
  [1_111_111_109, '081804'],
  [1_111_111_111, '050471'],
  [1_234_567_890, '005924'],
  [2_000_000_000, '279037'],
  [20_000_000_000, '353130'],
];

describe('codes of an authenticator app', () => {
  it.each(vectors)('at %i seconds is %s (RFC 6238)', (seconds, code) => {
    expect(totpCode(secret, seconds * 1_000)).toBe(code);
    expect(totpStep(secret, code, seconds * 1_000)).toBe(Math.floor(seconds / 30));
  });

  it('are taken one step early and one step late, and name their step', () => {
    const nowMs = 1_111_111_111_000;
    const step = Math.floor(nowMs / 30_000);
    for (const delta of [-1, 0, 1])
      expect(totpStep(secret, totpCode(secret, nowMs + delta * 30_000), nowMs)).toBe(step + delta);
    for (const delta of [-2, 2])
      expect(totpStep(secret, totpCode(secret, nowMs + delta * 30_000), nowMs)).toBeUndefined();
  });

  it('are of one secret only', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: totpSecretBytes, maxLength: totpSecretBytes }),
        fc.integer({ min: 0, max: 4_000_000_000_000 }),
        (random, nowMs) => {
          const own = totpSecret(random);
          expect(own).toMatch(/^[A-Z2-7]{32}$/);
          expect(totpStep(own, totpCode(own, nowMs), nowMs)).toBeDefined();
        },
      ),
    );
  });

  it.each(['', '12345', '1234567', 'abcdef', '１２３４５６'])('are not %j', (text) => {
    expect(totpStep(secret, text, 59_000)).toBeUndefined();
  });

  it('stand in an address that every app reads', () => {
    const uri = new URL(totpUri(secret, 'Gatehouse (gate.example)', 'ann+x@example.org'));
    expect([uri.protocol, uri.host]).toEqual(['otpauth:', 'totp']);
    expect(Object.fromEntries(uri.searchParams)).toEqual({
      issuer: 'Gatehouse (gate.example)',
      secret,
      algorithm: 'SHA1',
      digits: '6',
      period: '30',
    });
    expect(decodeURIComponent(uri.pathname)).toContain('ann+x@example.org');
  });
});
