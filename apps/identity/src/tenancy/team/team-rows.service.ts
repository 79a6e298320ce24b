import type { MemberRole } from '@gatehouse/contracts';
import { isAbove } from '../rank.js';
import { refusal } from '../refusals.js';
import type { Client } from '../tenancy-change.service.js';

export interface TeamRow {
  readonly teamId: string;
  readonly name: string;
  readonly createdAt: Date;
  readonly revision: number;
}

export const teamColumns = `team_id as "teamId", name, created_at as "createdAt", revision`;

/** A team; one that was deleted only where that is asked for. */
export async function findTeam(
  client: Client,
  tenantId: string,
  teamId: string,
  { deleted = false } = {},
): Promise<TeamRow | undefined> {
  const { rows } = await client.query<TeamRow>(
    `select ${teamColumns} from teams where tenant_id = $1 and team_id = $2 and (status = 'active' or $3)`,
    [tenantId, teamId, deleted],
  );
  return rows[0];
}

/** How many teams have or had this id, and how many there are now. */
export async function countTeams(client: Client, tenantId: string, teamId: string) {
  const { rows } = await client.query<{ all: number; active: number }>(
    `select count(*) filter (where team_id = $2)::int as all, count(*) filter (where status = 'active')::int as active
     from teams where tenant_id = $1`,
    [tenantId, teamId],
  );
  return rows[0] ?? { all: 0, active: 0 };
}

export async function membersOfTeam(client: Client, tenantId: string, teamId: string): Promise<readonly string[]> {
  const { rows } = await client.query<{ user_id: string }>(
    'select user_id from team_members where tenant_id = $1 and team_id = $2 order by user_id',
    [tenantId, teamId],
  );
  return rows.map(({ user_id }) => user_id);
}

export interface TeamRoles {
  readonly teamId: string;
  /** What the team holds on single projects: who joins it gets them. */
  readonly roles: readonly MemberRole[];
}

/** Those of some teams that exist, with the roles that membership gives. */
export async function rolesOfTeams(
  client: Client,
  tenantId: string,
  teamIds: readonly string[],
): Promise<readonly TeamRoles[]> {
  if (teamIds.length === 0) return [];
  const { rows } = await client.query<TeamRoles>(
    `select t.team_id as "teamId", coalesce(array_agg(r.role) filter (where r.role is not null), '{}') as roles
     from teams t left join project_roles r
       on r.tenant_id = t.tenant_id and r.subject_type = 'team' and r.subject_id = t.team_id
     where t.tenant_id = $1 and t.team_id = any($2) and t.status = 'active'
     group by t.team_id order by t.team_id`,
    [tenantId, teamIds],
  );
  return rows;
}

/** Whether somebody of `own` may put people into a team, and take them out. */
export const mayFill = ({ roles }: TeamRoles, own: MemberRole | undefined): boolean =>
  own !== undefined && roles.every((role) => !isAbove(role, own));

/** Every one of the teams exists and may be filled. @throws Refusal `not_found`, `role_above_own` */
export async function checkTeams(
  client: Client,
  tenantId: string,
  teamIds: readonly string[],
  own: MemberRole | undefined,
): Promise<void> {
  const teams = await rolesOfTeams(client, tenantId, teamIds);
  if (teams.length < new Set(teamIds).size) throw refusal('not_found');
  if (!teams.every((team) => mayFill(team, own))) throw refusal('role_above_own');
}
