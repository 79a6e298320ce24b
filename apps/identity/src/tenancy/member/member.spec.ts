import { type MemberRole, memberRoles } from '@gatehouse/contracts';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { rankOf } from '../rank.js';
import { addMember, changeRole, removeMember, type Standing } from './member.js';
import { transferOwnership } from './transfer/transfer.js';

const userId = '0190a1b2-0000-7000-8000-000000000001';
const other = '0190a1b2-0000-7000-8000-000000000002';
const aRole = fc.constantFrom(...memberRoles);
const maybeRole = fc.option(aRole, { nil: undefined });
const standing = fc.record({ callerRole: maybeRole, role: maybeRole, owners: fc.integer({ min: 1, max: 3 }) });

const refused = (work: () => unknown): string | undefined => {
  try {
    work();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return undefined;
};

describe('the role of a member', () => {
  it('changes when the caller ranks as high as both roles', () => {
    const events = changeRole(userId, 'developer', { callerRole: 'admin', role: 'viewer', owners: 1 });
    expect(events).toEqual([
      { type: 'member.role_changed', version: 1, data: { userId, role: 'developer', previousRole: 'viewer' } },
    ]);
    expect(changeRole(userId, 'viewer', { callerRole: 'admin', role: 'viewer', owners: 1 })).toEqual([]);
  });

  it('is never above the caller’s, before or after, and the last owner stays one', () => {
    fc.assert(
      fc.property(standing, aRole, (given, role) => {
        const [event] = attempt(() => changeRole(userId, role, given));
        if (!event) return;
        expect(rankOf(given.callerRole)).toBeLessThanOrEqual(Math.min(rankOf(role), rankOf(given.role)));
        expect(given.role === 'owner' && given.owners === 1).toBe(false);
      }),
    );
  });

  it.each<[string, MemberRole, Standing]>([
    ['not_found', 'viewer', { callerRole: 'owner', role: undefined, owners: 1 }],
    ['role_above_own', 'owner', { callerRole: 'admin', role: 'viewer', owners: 1 }],
    ['role_above_own', 'viewer', { callerRole: 'admin', role: 'owner', owners: 2 }],
    ['role_above_own', 'viewer', { callerRole: undefined, role: 'viewer', owners: 1 }],
    ['last_owner', 'admin', { callerRole: 'owner', role: 'owner', owners: 1 }],
  ])('is refused with %s', (code, role, given) => {
    expect(refused(() => changeRole(userId, role, given))).toBe(code);
  });
});

describe('a membership', () => {
  it('begins once', () => {
    const data = { userId, role: 'viewer', via: 'invitation' } as const;
    expect(addMember(data, undefined)).toEqual([{ type: 'member.added', version: 1, data }]);
    expect(refused(() => addMember(data, 'viewer'))).toBe('already_member');
  });

  it('ends with the role it had, by nobody below it, and not for the last owner', () => {
    fc.assert(
      fc.property(standing, (given) => {
        const [event] = attempt(() => removeMember(userId, 'removed', given));
        if (!event) return;
        expect(event.data).toEqual({ userId, role: given.role, reason: 'removed' });
        expect(rankOf(given.callerRole)).toBeLessThanOrEqual(rankOf(given.role));
        expect(given.role === 'owner' && given.owners === 1).toBe(false);
      }),
    );
  });
});

describe('ownership', () => {
  it('is there at every point of a transfer', () => {
    const events = transferOwnership(userId, other, { callerRole: 'owner', role: 'viewer', owners: 1 });
    expect(events.map(({ event }) => event.data)).toEqual([
      { userId: other, role: 'owner', previousRole: 'viewer' },
      { userId, role: 'admin', previousRole: 'owner' },
    ]);
  });

  it('is only an owner’s to give, to a member, and not to himself', () => {
    const owner: Standing = { callerRole: 'owner', role: 'owner', owners: 1 };
    expect(refused(() => transferOwnership(userId, other, { ...owner, callerRole: 'admin' }))).toBe('role_above_own');
    expect(refused(() => transferOwnership(userId, other, { ...owner, role: undefined }))).toBe('not_found');
    expect(transferOwnership(userId, userId, owner)).toEqual([]);
  });
});

function attempt<T>(work: () => readonly T[]): readonly T[] {
  try {
    return work();
  } catch (error) {
    if (typeof (error as { code?: unknown }).code === 'string') return [];
    throw error;
  }
}
