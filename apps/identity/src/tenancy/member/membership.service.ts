import type { MemberAdded } from '@gatehouse/contracts';
import { handle, type NewEvent } from '@gatehouse/event-store';
import { disableKey } from '../../key/disable-key/disable-key.js';
import { keyDecider, keyStream } from '../../key/key.js';
import { projectStream } from '../project/project.js';
import { teamMemberRemoved, teamStream } from '../team/team.js';
import { appendTo, type Change, countOwners, openOrganization, roleOfMember } from '../tenancy-change.service.js';
import * as member from './member.js';

/**
 * Makes somebody a member of the organization `context.tenantId`, inside `store.together`. Whoever calls it has decided
 * that the role may be given.
 *
 * @example await store.together(tenantId, (log, client) => addMember({ log, client, context }, { userId, role, via: 'federation' }))
 * @throws Refusal `already_member`, `not_found`, `tenant_closed`, `personal_workspace`
 */
export async function addMember(change: Change, data: MemberAdded): Promise<void> {
  await openOrganization(change);
  const role = await roleOfMember(change.client, change.context.tenantId, data.userId);
  await appendTo(change, member.memberStream(data.userId), member.addMember(data, role));
}

/** What decides on a member, read under the lock that the caller has taken. */
export async function standingOf(
  { client, context: { tenantId } }: Change,
  userId: string,
  callerRole: member.Standing['callerRole'],
): Promise<member.Standing> {
  const role = await roleOfMember(client, tenantId, userId);
  return { callerRole, role, owners: await countOwners(client, tenantId) };
}

/**
 * The end of a membership and of everything that hung on it, in the caller's transaction: places in teams, roles on
 * projects, and the person's own keys of this tenant. The invitations he sent stay: whoever accepts one is told no
 * unless their inviter may still give the role.
 */
export async function endMembership(
  change: Change,
  userId: string,
  events: readonly NewEvent[],
  commandId?: string,
): Promise<void> {
  await appendTo(change, member.memberStream(userId), events, commandId);
  await leaveTeams(change, userId);
  await loseProjectRoles(change, { type: 'user', id: userId });
  await disableKeysOf(change, userId);
}

async function leaveTeams(change: Change, userId: string): Promise<void> {
  const { rows } = await change.client.query<{ team_id: string }>(
    'select team_id from team_members where tenant_id = $1 and user_id = $2 order by team_id',
    [change.context.tenantId, userId],
  );
  for (const { team_id: teamId } of rows)
    await appendTo(change, teamStream(teamId), [teamMemberRemoved({ teamId, userId })]);
}

/** Every role that somebody, or a team, holds on single projects. */
export async function loseProjectRoles(
  change: Change,
  subject: { readonly type: 'user' | 'team'; readonly id: string },
): Promise<void> {
  const { rows } = await change.client.query<{ project_id: string; role: string }>(
    `select project_id, role from project_roles where tenant_id = $1 and subject_type = $2 and subject_id = $3
     order by project_id`,
    [change.context.tenantId, subject.type, subject.id],
  );
  for (const { project_id: projectId, role } of rows) {
    const data = { projectId, subject, role };
    await appendTo(change, projectStream(projectId), [{ type: 'project.role_revoked', version: 1, data }]);
  }
}

async function disableKeysOf({ log, client, context }: Change, userId: string): Promise<void> {
  const { rows } = await client.query<{ key_id: string }>(
    `select key_id from keys where tenant_id = $1 and principal_type = 'user' and principal_id = $2 and enabled`,
    [context.tenantId, userId],
  );
  for (const { key_id: keyId } of rows)
    await handle(log, keyDecider, {
      streamId: keyStream(keyId),
      context,
      decide: (key) => disableKey({ reason: 'member_removed' }, key),
    });
}
