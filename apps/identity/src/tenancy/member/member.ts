import type { MemberAdded, MemberRemoved, MemberRole, MemberRoleChanged } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import { isAbove } from '../rank.js';
import { refusal } from '../refusals.js';

/** A member's own stream; the first owner's begins when something happens to that member. */
export const memberStream = (userId: string): string => `member:${userId}`;

/** What a decision on a member is made of, as it stands under the tenant's lock. */
export interface Standing {
  /** Of whoever asks; undefined for one who has no role here. */
  readonly callerRole: MemberRole | undefined;
  /** Of whom it is about; undefined for one who is no member. */
  readonly role: MemberRole | undefined;
  /** How many owners the tenant has, this one counted. */
  readonly owners: number;
}

/** @throws Refusal `already_member` */
export function addMember(data: MemberAdded, role: MemberRole | undefined): readonly NewEvent[] {
  if (role !== undefined) throw refusal('already_member');
  return [{ type: 'member.added', version: 1, data }];
}

/** @throws Refusal `not_found`, `role_above_own`, `last_owner` */
export function changeRole(userId: string, role: MemberRole, standing: Standing): readonly NewEvent[] {
  const { callerRole, role: previousRole, owners } = standing;
  if (previousRole === undefined) throw refusal('not_found');
  if (isAbove(previousRole, callerRole) || isAbove(role, callerRole)) throw refusal('role_above_own');
  if (role === previousRole) return [];
  if (previousRole === 'owner' && owners <= 1) throw refusal('last_owner');
  const data: MemberRoleChanged = { userId, role, previousRole };
  return [{ type: 'member.role_changed', version: 1, data }];
}

/** Who leaves asks for himself, so his own role is the ceiling. @throws Refusal `not_found`, `role_above_own`, `last_owner` */
export function removeMember(
  userId: string,
  reason: MemberRemoved['reason'],
  { callerRole, role, owners }: Standing,
): readonly NewEvent[] {
  if (role === undefined) throw refusal('not_found');
  if (isAbove(role, callerRole)) throw refusal('role_above_own');
  if (role === 'owner' && owners <= 1) throw refusal('last_owner');
  const data: MemberRemoved = { userId, role, reason };
  return [{ type: 'member.removed', version: 1, data }];
}
