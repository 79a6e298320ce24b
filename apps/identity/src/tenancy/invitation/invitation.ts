import type { InvitationCreated, InvitationResent, MemberRole, SealedField } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import { isAbove } from '../rank.js';
import { refusal } from '../refusals.js';

export const invitationStream = (invitationId: string): string => `invitation:${invitationId}`;

/** Whose key seals the address: nobody's who is registered, and destroyed with the invitation's address. */
export const invitationSubject = (invitationId: string): string => `invitation-${invitationId}`;

/** How often one invitation may be sent again. */
export const maxSends = 5;

/** An invitation as it stands under the tenant's lock. Expiry is a matter of the clock, not an event. */
export interface Invitation {
  readonly invitationId: string;
  readonly status: 'pending' | 'accepted' | 'revoked';
  readonly role: MemberRole;
  readonly teamIds: readonly string[];
  readonly emailIndex: string | null;
  readonly expiresAt: Date;
  readonly sends: number;
}

export interface CreateInvitation extends InvitationCreated {
  readonly email: SealedField;
  /** Of whoever invites. */
  readonly inviterRole: MemberRole | undefined;
  /** How many letters the tenant sent in the last 24 hours, and how many it may. */
  readonly sentToday: number;
  readonly dailyLimit: number;
}

/** @throws Refusal `role_above_own`, `invitation_limit` */
export function createInvitation(command: CreateInvitation): readonly NewEvent[] {
  const { email, inviterRole, sentToday, dailyLimit, ...data } = command;
  if (isAbove(data.role, inviterRole)) throw refusal('role_above_own');
  if (sentToday >= dailyLimit) throw refusal('invitation_limit');
  return [{ type: 'invitation.created', version: 1, data, sealed: { email } }];
}

export interface ResendInvitation extends InvitationResent {
  readonly callerRole: MemberRole | undefined;
  readonly sentToday: number;
  readonly dailyLimit: number;
}

/** @throws Refusal `not_found`, `role_above_own`, `invitation_limit` */
export function resendInvitation(command: ResendInvitation, invitation: Invitation | undefined): readonly NewEvent[] {
  const { callerRole, sentToday, dailyLimit, ...data } = command;
  if (invitation?.status !== 'pending') throw refusal('not_found');
  if (isAbove(invitation.role, callerRole)) throw refusal('role_above_own');
  if (sentToday >= dailyLimit || invitation.sends >= maxSends) throw refusal('invitation_limit');
  return [{ type: 'invitation.resent', version: 1, data }];
}

/** Revoking one that is revoked changes nothing. @throws Refusal `not_found`, `role_above_own` */
export function revokeInvitation(
  invitation: Invitation | undefined,
  callerRole: MemberRole | undefined,
): readonly NewEvent[] {
  if (!invitation || invitation.status === 'accepted') throw refusal('not_found');
  if (isAbove(invitation.role, callerRole)) throw refusal('role_above_own');
  if (invitation.status === 'revoked') return [];
  const data = { invitationId: invitation.invitationId, reason: 'revoked' as const };
  return [{ type: 'invitation.revoked', version: 1, data }];
}

export interface AcceptInvitation {
  readonly userId: string;
  /** Index of the person's verified address; undefined for one who has none. */
  readonly emailIndex: string | undefined;
  /** What the inviter ranks as now: who lost the role gives it no more. */
  readonly inviterRole: MemberRole | undefined;
  /** Unix time in milliseconds. */
  readonly now: number;
}

/**
 * Every "no" is the same: whoever holds a link that is not his learns nothing about it.
 *
 * @throws Refusal `invitation_invalid`
 */
export function acceptInvitation(command: AcceptInvitation, invitation: Invitation | undefined): readonly NewEvent[] {
  const { userId, emailIndex, inviterRole, now } = command;
  const mayAccept =
    invitation?.status === 'pending' &&
    invitation.expiresAt.getTime() > now &&
    invitation.emailIndex !== null &&
    invitation.emailIndex === emailIndex &&
    !isAbove(invitation.role, inviterRole);
  if (!mayAccept) throw refusal('invitation_invalid');
  return [{ type: 'invitation.accepted', version: 1, data: { invitationId: invitation.invitationId, userId } }];
}
