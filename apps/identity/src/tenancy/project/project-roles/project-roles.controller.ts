import { memberRole } from '@gatehouse/contracts';
import { PostgresEventStore } from '@gatehouse/event-store';
import {
  Caller,
  defineRoute,
  type HttpRequest,
  Input,
  type InputOf,
  type Principal,
  ProblemError,
  Route,
} from '@gatehouse/http';
import { safeParse } from '@gatehouse/schema';
import { PLATFORM, type Platform } from '@gatehouse/service';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { commandHeaders } from '../../../request-command.js';
import { named, path, slug } from '../../names.js';
import { refusal } from '../../refusals.js';
import { findTeam } from '../../team/team-rows.service.js';
import { appendTo, type Client, roleOfMember } from '../../tenancy-change.service.js';
import { changeOnProject } from '../change-project.service.js';
import { grantProjectRole, projectStream, revokeProjectRole } from '../project.js';
import { findProject, roleOnProject, rolesOnProject } from '../project-rows.service.js';
import { projectRoleView, projectSubject } from '../project-view.js';

type Subject = z.output<typeof projectSubject>;

const list = defineRoute({
  method: 'GET',
  path: `${path}/projects/:projectId/roles`,
  summary: 'Lists who holds a role on this project, beside those of the whole tenant',
  access: { kind: 'action', action: 'members.read', resource: named('project', 'projectId') },
  params: z.object({ projectId: slug }),
  // Not in pages: a project has at most 200.
  response: z.object({ roles: z.array(projectRoleView) }),
  problems: ['not_found'],
});

const common = {
  access: { kind: 'action', action: 'project.roles', resource: named('project', 'projectId') },
  headers: commandHeaders,
  response: z.object({ roles: z.array(projectRoleView) }),
  problems: ['not_found', 'tenant_closed', 'role_above_own', 'tenancy_limit', 'stale_revision'],
} as const;

const grant = defineRoute({
  ...common,
  method: 'POST',
  path: `${path}/projects/:projectId/roles`,
  summary: 'Gives a member or a team a role on one project, never above the role of the caller there',
  params: z.object({ projectId: slug }),
  body: z.strictObject({ subject: projectSubject, role: memberRole }),
});

const revoke = defineRoute({
  ...common,
  method: 'DELETE',
  path: `${path}/projects/:projectId/roles/:type/:id`,
  summary: 'Takes the role on one project from a member or a team',
  params: z.object({ projectId: slug, type: projectSubject.shape.type, id: projectSubject.shape.id }),
});

@Controller()
export class ProjectRolesController {
  constructor(
    @Inject(PostgresEventStore) private readonly store: PostgresEventStore,
    @Inject(PLATFORM) private readonly platform: Platform,
  ) {}

  @Route(list)
  async list(@Input() { params: { projectId } }: InputOf<typeof list>, @Caller() { tenantId }: Principal) {
    const { system } = this.platform.database;
    if (!(await findProject(system, tenantId, projectId))) throw new ProblemError('not_found');
    return { roles: await shown(system, tenantId, projectId) };
  }

  @Route(grant)
  grant(@Input() { params, body }: InputOf<typeof grant>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const { projectId } = params;
    const { tenantId } = caller;
    return changeOnProject({
      ...{ store: this.store, request, caller, projectId, operation: 'project.grant_role' },
      work: async (change, _project, commandId) => {
        const { client } = change;
        if (!(await exists(client, tenantId, body.subject))) throw refusal('not_found');
        const standing = await standingOf(client, caller, projectId, body.subject);
        await appendTo(change, projectStream(projectId), grantProjectRole({ projectId, ...body }, standing), commandId);
      },
      answer: async ({ client }) => ({ roles: await shown(client, tenantId, projectId) }),
    });
  }

  @Route(revoke)
  revoke(@Input() { params }: InputOf<typeof revoke>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const { projectId, ...subject } = params;
    return changeOnProject({
      ...{ store: this.store, request, caller, projectId, operation: 'project.revoke_role' },
      work: async (change, _project, commandId) => {
        const standing = await standingOf(change.client, caller, projectId, subject);
        await appendTo(
          change,
          projectStream(projectId),
          revokeProjectRole({ projectId, subject }, standing),
          commandId,
        );
      },
      answer: async ({ client }) => ({ roles: await shown(client, caller.tenantId, projectId) }),
    });
  }
}

async function shown(client: Client, tenantId: string, projectId: string) {
  const roles = await rolesOnProject(client, tenantId, projectId);
  return roles.map((role) => ({ projectId, ...role }));
}

async function exists(client: Client, tenantId: string, { type, id }: Subject): Promise<boolean> {
  if (type === 'team') return (await findTeam(client, tenantId, id)) !== undefined;
  return safeParse(z.uuid(), id).success && (await roleOfMember(client, tenantId, id)) !== undefined;
}

async function standingOf(client: Client, caller: Principal, projectId: string, subject: Subject) {
  const { tenantId } = caller;
  const roles = await rolesOnProject(client, tenantId, projectId);
  const held = roles.find((held) => held.subject.type === subject.type && held.subject.id === subject.id)?.role;
  return { held, count: roles.length, callerRole: await roleOnProject(client, tenantId, projectId, caller) };
}
