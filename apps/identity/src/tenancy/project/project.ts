import type {
  MemberRole,
  ProjectCreated,
  ProjectEnvironmentAdded,
  ProjectRenamed,
  ProjectRoleGranted,
} from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import { isAbove } from '../rank.js';
import { refusal } from '../refusals.js';

export const projectStream = (projectId: string): string => `project:${projectId}`;

/** What a project has unless its maker says otherwise. */
export const usualEnvironments = ['production', 'preview'];

export const maxProjects = 1_000;
export const maxEnvironments = 50;
export const maxProjectRoles = 200;

/** A project as it stands under the tenant's lock. */
export interface Project {
  readonly projectId: string;
  readonly name: string;
  readonly environments: readonly string[];
}

/** @param existing whether the tenant has or had a project of this id @throws Refusal `project_id_taken`, `tenancy_limit` */
export function createProject(data: ProjectCreated, existing: boolean, projects: number): readonly NewEvent[] {
  if (existing) throw refusal('project_id_taken');
  if (projects >= maxProjects) throw refusal('tenancy_limit');
  return [{ type: 'project.created', version: 1, data }];
}

export const renameProject = (data: ProjectRenamed, { name }: Project): readonly NewEvent[] =>
  data.name === name ? [] : [{ type: 'project.renamed', version: 1, data }];

/** The end of a project, after the end of the roles on it. */
export const deleteProject = (
  projectId: string,
  roles: readonly Omit<ProjectRoleGranted, 'projectId'>[],
): readonly NewEvent[] => [
  ...roles.map((role) => revoked({ projectId, ...role })),
  { type: 'project.deleted', version: 1, data: { projectId } },
];

/** @throws Refusal `tenancy_limit` */
export function addEnvironment(data: ProjectEnvironmentAdded, { environments }: Project): readonly NewEvent[] {
  if (environments.includes(data.environment)) return [];
  if (environments.length >= maxEnvironments) throw refusal('tenancy_limit');
  return [{ type: 'project.environment_added', version: 1, data }];
}

/** @throws Refusal `not_found` */
export function removeEnvironment(data: ProjectEnvironmentAdded, { environments }: Project): readonly NewEvent[] {
  if (!environments.includes(data.environment)) throw refusal('not_found');
  return [{ type: 'project.environment_removed', version: 1, data }];
}

export interface RoleStanding {
  /** The highest role the caller has on the project: on the whole tenant, on the project, or by a team. */
  readonly callerRole: MemberRole | undefined;
  /** What the subject holds on the project now. */
  readonly held: MemberRole | undefined;
  /** How many hold a role on the project. */
  readonly count: number;
}

/** One role per subject: another one takes its place. @throws Refusal `role_above_own`, `tenancy_limit` */
export function grantProjectRole(data: ProjectRoleGranted, standing: RoleStanding): readonly NewEvent[] {
  const { callerRole, held, count } = standing;
  if (isAbove(data.role, callerRole) || (held && isAbove(held, callerRole))) throw refusal('role_above_own');
  if (held === data.role) return [];
  if (held === undefined && count >= maxProjectRoles) throw refusal('tenancy_limit');
  const before = held ? [revoked({ ...data, role: held })] : [];
  return [...before, { type: 'project.role_granted', version: 1, data }];
}

/** @throws Refusal `not_found`, `role_above_own` */
export function revokeProjectRole(
  data: Omit<ProjectRoleGranted, 'role'>,
  { callerRole, held }: Omit<RoleStanding, 'count'>,
): readonly NewEvent[] {
  if (held === undefined) throw refusal('not_found');
  if (isAbove(held, callerRole)) throw refusal('role_above_own');
  return [revoked({ ...data, role: held })];
}

const revoked = (data: ProjectRoleGranted): NewEvent => ({ type: 'project.role_revoked', version: 1, data });
