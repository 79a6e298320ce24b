import type { Envelope } from '@gatehouse/contracts';
import { fold, type NewEvent } from '@gatehouse/event-store';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Factors, factorsDecider, maxPasskeys } from '../factor.js';
import { addFactor, makeRecoveryCodes, removeFactor, renameFactor, useRecoveryCode } from './change-factors.js';

const userId = '0190a1b2-0000-7000-8000-000000000001';
const name = { subject: userId, key: 1, text: 'AAAA' };
const idOf = (n: number) => `0190a1b2-0000-7000-8000-${String(n).padStart(12, '0')}`;
const given = (...events: readonly NewEvent[]): Factors => fold(factorsDecider, events as unknown as Envelope[]);
const types = (events: readonly NewEvent[]) => events.map(({ type }) => type);
const refusal = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return (error as { code?: string }).code;
  }
};

const add = (n: number, kind: 'totp' | 'passkey', state: Factors, onlyAsFirst = false) =>
  addFactor(
    { userId, factorId: idOf(n), kind, onlyAsFirst, recoveryCodes: 10, ...(kind === 'passkey' && { name }) },
    state,
  );
const nothing = given();
const withTotp = given(...add(1, 'totp', nothing));
const withBoth = given(...add(1, 'totp', nothing), ...add(2, 'passkey', withTotp));

describe('second factors of a person', () => {
  it('come with recovery codes when there are none yet', () => {
    expect(types(add(1, 'totp', nothing))).toEqual(['factor.added', 'recovery_codes.made']);
    expect(withTotp.recoveryCodes).toBe(10);
    expect(types(add(2, 'passkey', withTotp))).toEqual(['factor.added']);
  });

  it('are one app and at most twenty passkeys', () => {
    expect(refusal(() => add(3, 'totp', withTotp))).toBe('totp_exists');
    const passkeys = Array.from({ length: maxPasskeys }, (_, n) => [idOf(n), 'passkey'] as const);
    const state: Factors = { kinds: new Map(passkeys), recoveryCodes: 1 };
    expect(refusal(() => add(99, 'passkey', state))).toBe('too_many_passkeys');
    expect(types(add(99, 'totp', state))).toEqual(['factor.added']);
  });

  it('are added behind a password alone only while there is none to get around', () => {
    expect(types(add(1, 'totp', nothing, true))[0]).toBe('factor.added');
    expect(refusal(() => add(2, 'passkey', withTotp, true))).toBe('already_enrolled');
    expect(refusal(() => add(2, 'totp', given(...add(1, 'passkey', nothing)), true))).toBe('already_enrolled');
  });

  it('are removed, the last one only where no tenant demands one', () => {
    const remove = (n: number, demanded: boolean, state: Factors) =>
      removeFactor({ userId, factorId: idOf(n), demanded }, state);
    expect(refusal(() => remove(1, true, withTotp))).toBe('last_factor');
    expect(types(remove(1, true, withBoth))).toEqual(['factor.removed']);
    expect(refusal(() => remove(9, false, withTotp))).toBe('factor_not_found');
    const after = given(...add(1, 'totp', nothing), ...remove(1, false, withTotp));
    expect([after.kinds.size, after.recoveryCodes]).toEqual([0, 0]);
  });

  it('have names that stand in no event in clear', () => {
    const [event] = renameFactor({ userId, factorId: idOf(2), name }, withBoth);
    expect(event).toMatchObject({ data: { userId, factorId: idOf(2) }, sealed: { name } });
    expect(refusal(() => renameFactor({ userId, factorId: idOf(9), name }, withBoth))).toBe('factor_not_found');
  });

  it('are what recovery codes stand in for', () => {
    expect(refusal(() => makeRecoveryCodes({ userId, count: 10 }, nothing))).toBe('no_factor');
    expect(refusal(() => useRecoveryCode(userId, nothing))).toBe('second_factor_failed');
    const used = given(...add(1, 'totp', nothing), ...useRecoveryCode(userId, withTotp));
    expect(used.recoveryCodes).toBe(9);
    expect(given(...makeRecoveryCodes({ userId, count: 10 }, withTotp)).recoveryCodes).toBe(10);
  });

  it('never end up with codes and no factor, whatever is done', () => {
    const step = fc.tuple(fc.constantFrom('totp', 'passkey', 'remove', 'codes', 'use'), fc.integer({ min: 1, max: 5 }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let state = nothing;
        for (const [what, n] of steps) {
          const events = refusal(() => {
            if (what === 'remove') return removeFactor({ userId, factorId: idOf(n), demanded: false }, state);
            if (what === 'codes') return makeRecoveryCodes({ userId, count: 10 }, state);
            if (what === 'use') return useRecoveryCode(userId, state);
            return add(n, what as 'totp', state);
          });
          if (Array.isArray(events)) state = fold(factorsDecider, events as Envelope[], state);
          expect(state.kinds.size === 0 && state.recoveryCodes > 0).toBe(false);
          expect(state.recoveryCodes).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });
});
