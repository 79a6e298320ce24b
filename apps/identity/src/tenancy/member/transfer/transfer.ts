import type { MemberRoleChanged } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import { refusal } from '../../refusals.js';
import type { Standing } from '../member.js';

/**
 * The events of both streams: `to` becomes an owner, then `from` an admin, so that there is an owner at every point.
 *
 * @throws Refusal `role_above_own` for whoever is no owner, `not_found` where `to` is no member
 */
export function transferOwnership(
  from: string,
  to: string,
  { callerRole, role: previousRole }: Standing,
): readonly { readonly userId: string; readonly event: NewEvent }[] {
  if (callerRole !== 'owner') throw refusal('role_above_own');
  if (previousRole === undefined) throw refusal('not_found');
  if (from === to) return [];
  const changed = (data: MemberRoleChanged) => ({
    userId: data.userId,
    event: { type: 'member.role_changed', version: 1, data },
  });
  const given = previousRole === 'owner' ? [] : [changed({ userId: to, role: 'owner', previousRole })];
  return [...given, changed({ userId: from, role: 'admin', previousRole: 'owner' })];
}
