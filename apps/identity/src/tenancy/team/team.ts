import type { TeamCreated, TeamDeleted, TeamMemberAdded, TeamRenamed } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import { refusal } from '../refusals.js';

export const teamStream = (teamId: string): string => `team:${teamId}`;

/** Teams of one tenant. */
export const maxTeams = 500;

/** @param existing whether the tenant has or had a team of this id @throws Refusal `team_id_taken`, `tenancy_limit` */
export function createTeam(data: TeamCreated, existing: boolean, teams: number): readonly NewEvent[] {
  if (existing) throw refusal('team_id_taken');
  if (teams >= maxTeams) throw refusal('tenancy_limit');
  return [{ type: 'team.created', version: 1, data }];
}

export const renameTeam = (data: TeamRenamed, name: string): readonly NewEvent[] =>
  data.name === name ? [] : [{ type: 'team.renamed', version: 1, data }];

/** The end of a team, after the end of its memberships in the same stream. */
export const deleteTeam = (data: TeamDeleted, userIds: readonly string[]): readonly NewEvent[] => [
  ...userIds.map((userId) => teamMemberRemoved({ teamId: data.teamId, userId })),
  { type: 'team.deleted', version: 1, data },
];

export const teamMemberAdded = (data: TeamMemberAdded): NewEvent => ({ type: 'team.member_added', version: 1, data });

export const teamMemberRemoved = (data: TeamMemberAdded): NewEvent => ({
  type: 'team.member_removed',
  version: 1,
  data,
});
