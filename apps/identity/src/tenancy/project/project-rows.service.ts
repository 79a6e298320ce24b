import type { MemberRole, ProjectRoleGranted } from '@gatehouse/contracts';
import { highestRole } from '../rank.js';
import { type Client, roleOfActor } from '../tenancy-change.service.js';
import type { Project } from './project.js';

export interface ProjectRow extends Project {
  readonly createdAt: Date;
  readonly revision: number;
}

export const projectColumns = `project_id as "projectId", name, created_at as "createdAt", revision,
  array(select e.environment from project_environments e
    where e.tenant_id = projects.tenant_id and e.project_id = projects.project_id order by e.environment) as environments`;

/** A project; one that was deleted only where that is asked for. */
export async function findProject(
  client: Client,
  tenantId: string,
  projectId: string,
  { deleted = false } = {},
): Promise<ProjectRow | undefined> {
  const { rows } = await client.query<ProjectRow>(
    `select ${projectColumns} from projects
     where tenant_id = $1 and project_id = $2 and (status = 'active' or $3)`,
    [tenantId, projectId, deleted],
  );
  return rows[0];
}

/** How many projects have or had this id, and how many there are now. */
export async function countProjects(client: Client, tenantId: string, projectId: string) {
  const { rows } = await client.query<{ all: number; active: number }>(
    `select count(*) filter (where project_id = $2)::int as all,
       count(*) filter (where status = 'active')::int as active
     from projects where tenant_id = $1`,
    [tenantId, projectId],
  );
  return rows[0] ?? { all: 0, active: 0 };
}

export type HeldRole = Omit<ProjectRoleGranted, 'projectId'>;

/** Who holds what on a project. */
export async function rolesOnProject(
  client: Client,
  tenantId: string,
  projectId: string,
): Promise<readonly HeldRole[]> {
  const { rows } = await client.query<{ subject_type: 'user' | 'team'; subject_id: string; role: MemberRole }>(
    `select subject_type, subject_id, role from project_roles where tenant_id = $1 and project_id = $2
     order by subject_type, subject_id`,
    [tenantId, projectId],
  );
  return rows.map(({ subject_type: type, subject_id: id, role }) => ({ subject: { type, id }, role }));
}

/** The highest role of an actor on a project: that on the whole tenant, which projects inherit, its own, or a team's. */
export async function roleOnProject(
  client: Client,
  tenantId: string,
  projectId: string,
  actor: { readonly type: string; readonly id: string },
): Promise<MemberRole | undefined> {
  const onTenant = await roleOfActor(client, tenantId, actor);
  if (actor.type !== 'user' || onTenant === undefined) return onTenant;
  const { rows } = await client.query<{ role: string }>(
    `select role from project_roles r where r.tenant_id = $1 and r.project_id = $2 and (
       (r.subject_type = 'user' and r.subject_id = $3) or
       (r.subject_type = 'team' and exists (select from team_members m
         where m.tenant_id = r.tenant_id and m.team_id = r.subject_id and m.user_id = $4)))`,
    [tenantId, projectId, actor.id, actor.id],
  );
  return highestRole([onTenant, ...rows.map(({ role }) => role)]);
}
