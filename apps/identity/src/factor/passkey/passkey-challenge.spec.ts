import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Binding, passkeyChallenge, passkeyChallengeEnd, passkeyChallengeMs } from './passkey-challenge.js';

const pepper = Buffer.alloc(32, 7);
const binding: Binding = { purpose: 'second', to: 'sign-in-1' };
const now = 1_790_000_000_000;
const made = (to = binding) => passkeyChallenge(pepper, to, randomBytes(16), now).toString('base64url');
const endOf = (challenge: string, to = binding, nowMs = now) => passkeyChallengeEnd(pepper, to, challenge, nowMs);

describe('the challenge of a passkey', () => {
  it('is good for five minutes', () => {
    const challenge = made();
    expect(endOf(challenge)).toBe(now + passkeyChallengeMs);
    expect(endOf(challenge, binding, now + passkeyChallengeMs - 1)).toBe(now + passkeyChallengeMs);
    expect(endOf(challenge, binding, now + passkeyChallengeMs)).toBeUndefined();
  });

  it.each<Binding>([
    { purpose: 'alone', to: 'sign-in-1' },
    { purpose: 'add', to: 'sign-in-1' },
    { purpose: 'proof', to: 'sign-in-1' },
    { purpose: 'second', to: 'sign-in-2' },
    { purpose: 'second', to: '' },
  ])('is for one purpose and one sign-in, not for %j', (other) => {
    expect(endOf(made(), other)).toBeUndefined();
  });

  it('is of this installation', () => {
    const other = passkeyChallenge(Buffer.alloc(32, 8), binding, randomBytes(16), now).toString('base64url');
    expect(endOf(other)).toBeUndefined();
  });

  it('is refused with any bit changed, its end above all', () => {
    const bytes = Buffer.from(made(), 'base64url');
    fc.assert(
      fc.property(fc.integer({ min: 0, max: bytes.length * 8 - 1 }), (bit) => {
        const changed = Buffer.from(bytes);
        changed.writeUInt8((changed[bit >> 3] ?? 0) ^ (1 << (bit & 7)), bit >> 3);
        expect(endOf(changed.toString('base64url'))).toBeUndefined();
      }),
    );
  });

  it('has one spelling, or it could be used once in each', () => {
    const challenge = made();
    for (const other of [`${challenge}=`, `${challenge} `, challenge.replace(/[-_]/g, '+'), `${challenge}A`, ''])
      if (other !== challenge) expect(endOf(other)).toBeUndefined();
  });
});
