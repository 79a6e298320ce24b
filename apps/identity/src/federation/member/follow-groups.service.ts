import type { MemberRole } from '@gatehouse/contracts';
import { changeRole, memberStream, removeMember } from '../../tenancy/member/member.js';
import { addMember, endMembership } from '../../tenancy/member/membership.service.js';
import { appendTo, type Change, countOwners, openTenant, roleOfMember } from '../../tenancy/tenancy-change.service.js';

export interface Following {
  readonly userId: string;
  /** What the provider's groups mean now; undefined when they mean nothing. */
  readonly role: MemberRole | undefined;
  /** Whether who has no such role is no member any more. */
  readonly endMembership: boolean;
}

/**
 * Brings a membership in line with what the provider says, inside `store.together`: makes it, raises or lowers it, ends it.
 * Never touches a role that somebody gave by hand, and never brings back who was put out by hand.
 *
 * @returns whether the person is a member now
 */
export async function followGroups(change: Change, { userId, role, ...following }: Following): Promise<boolean> {
  const { client, context } = change;
  await openTenant(change);
  const current = await roleOfMember(client, context.tenantId, userId);
  const governed = await governanceOf(change, userId);
  if (current === undefined) {
    if (role === undefined || governed === 'removed') return false;
    await addMember(change, { userId, role, via: 'federation' });
    return true;
  }
  if (governed !== 'federation' || role === current) return true;
  // Nobody stands above the provider here: its roles were allowed when it was configured, and `owner` is none of them.
  const standing = { callerRole: 'owner', role: current, owners: await countOwners(client, context.tenantId) } as const;
  if (role !== undefined) {
    await appendTo(change, memberStream(userId), changeRole(userId, role, standing));
    return true;
  }
  if (!following.endMembership) return true;
  await endMembership(change, userId, removeMember(userId, 'removed', standing));
  return false;
}

async function governanceOf({ client, context }: Change, userId: string): Promise<string | undefined> {
  const { rows } = await client.query<{ governed: string }>(
    'select governed from federated_members where tenant_id = $1 and user_id = $2',
    [context.tenantId, userId],
  );
  return rows[0]?.governed;
}
