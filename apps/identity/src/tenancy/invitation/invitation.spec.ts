import { memberRoles } from '@gatehouse/contracts';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { rankOf } from '../rank.js';
import {
  type AcceptInvitation,
  acceptInvitation,
  type CreateInvitation,
  createInvitation,
  type Invitation,
  maxSends,
  resendInvitation,
  revokeInvitation,
} from './invitation.js';
import { invitationLetter } from './letter.js';
import { isInvitationToken, newInvitationToken } from './token.js';

const invitationId = '0190a1b2-0000-7000-8000-00000000000a';
const userId = '0190a1b2-0000-7000-8000-000000000001';
const now = Date.UTC(2026, 10, 22);
const pending: Invitation = {
  invitationId,
  status: 'pending',
  role: 'developer',
  teamIds: [],
  emailIndex: 'index',
  expiresAt: new Date(now + 1_000),
  sends: 1,
};
const willing: AcceptInvitation = { userId, emailIndex: 'index', inviterRole: 'admin', now };
const code = (value: string) => expect.objectContaining({ code: value });

describe('to invite', () => {
  const command = {
    invitationId,
    role: 'developer',
    teamIds: [],
    fingerprint: 'Zg==',
    expiresAt: '2026-11-29T00:00:00.000Z',
    email: { subject: `invitation-${invitationId}`, key: 1, text: 'c2VhbGVk' },
    sentToday: 0,
    dailyLimit: 2,
    inviterRole: 'admin',
  } satisfies CreateInvitation;

  it('keeps the address out of the data, and what only decides out of the event', () => {
    const [event] = createInvitation(command);
    expect(Object.keys(event?.data ?? {}).sort()).toEqual([
      'expiresAt',
      'fingerprint',
      'invitationId',
      'role',
      'teamIds',
    ]);
    expect(event?.sealed).toEqual({ email: command.email });
  });

  it('takes a role as high, and fewer letters than a day has', () => {
    fc.assert(
      fc.property(fc.constantFrom(...memberRoles), fc.constantFrom(...memberRoles), (role, inviterRole) => {
        const invite = () => createInvitation({ ...command, role, inviterRole });
        if (rankOf(inviterRole) <= rankOf(role)) expect(invite()).toHaveLength(1);
        else expect(invite).toThrow(code('role_above_own'));
      }),
    );
    expect(() => createInvitation({ ...command, inviterRole: undefined })).toThrow(code('role_above_own'));
    expect(() => createInvitation({ ...command, sentToday: 2 })).toThrow(code('invitation_limit'));
  });
});

describe('to accept', () => {
  it('uses the invitation up', () => {
    expect(acceptInvitation(willing, pending)).toEqual([
      { type: 'invitation.accepted', version: 1, data: { invitationId, userId } },
    ]);
  });

  it.each<[string, Partial<AcceptInvitation>, Partial<Invitation> | undefined]>([
    ['for another address', { emailIndex: 'other' }, {}],
    ['without a verified address', { emailIndex: undefined }, {}],
    ['whose address was erased', { emailIndex: undefined }, { emailIndex: null }],
    ['at the moment it expires', { now: now + 1_000 }, {}],
    ['that was accepted', {}, { status: 'accepted' }],
    ['that was revoked', {}, { status: 'revoked' }],
    ['of somebody who lost the role', { inviterRole: 'user' }, {}],
    ['of somebody who has gone', { inviterRole: undefined }, {}],
    ['that never was', {}, undefined],
  ])('is refused in one way: an invitation %s', (_case, command, changes) => {
    const invitation = changes && { ...pending, ...changes };
    expect(() => acceptInvitation({ ...willing, ...command }, invitation)).toThrow(code('invitation_invalid'));
  });
});

describe('to send again, and to revoke', () => {
  const again = {
    invitationId,
    fingerprint: 'Zg==',
    expiresAt: '2026-11-29T00:00:00.000Z',
    sentToday: 0,
    dailyLimit: 2,
  };

  it('is for those who could have invited', () => {
    expect(resendInvitation({ ...again, callerRole: 'developer' }, pending)).toHaveLength(1);
    expect(() => resendInvitation({ ...again, callerRole: 'user' }, pending)).toThrow(code('role_above_own'));
    expect(() => revokeInvitation(pending, 'user')).toThrow(code('role_above_own'));
  });

  it('has an end', () => {
    const often = { ...pending, sends: maxSends };
    expect(() => resendInvitation({ ...again, callerRole: 'owner' }, often)).toThrow(code('invitation_limit'));
    const over = { ...pending, status: 'accepted' } as const;
    expect(() => resendInvitation({ ...again, callerRole: 'owner' }, over)).toThrow(code('not_found'));
    expect(() => revokeInvitation(over, 'owner')).toThrow(code('not_found'));
    expect(revokeInvitation({ ...pending, status: 'revoked' }, 'owner')).toEqual([]);
  });
});

describe('the link', () => {
  it('is 32 random bytes after the # of an address', () => {
    const token = newInvitationToken();
    expect(isInvitationToken(token)).toBe(true);
    expect(Buffer.from(token.slice(4), 'base64url')).toHaveLength(32);
    expect(newInvitationToken()).not.toBe(token);
    const { title, text } = invitationLetter({
      ...{ tenantName: 'Acme', role: 'viewer', publicUrl: 'https://gate.example/', token },
      expiresAt: '2026-11-29T10:20:30.000Z',
    });
    expect(title).toBe('You are invited to Acme');
    expect(text).toContain(`https://gate.example/invitation#${token}\n`);
    expect(text).toContain('until 2026-11-29 10:20 UTC');
  });
});
