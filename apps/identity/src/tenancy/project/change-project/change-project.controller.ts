import { PostgresEventStore } from '@gatehouse/event-store';
import { Caller, defineRoute, type HttpRequest, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { commandHeaders } from '../../../request-command.js';
import { displayName, named, ownTenant, path, slug } from '../../names.js';
import { refusal } from '../../refusals.js';
import { appendTo, openTenant } from '../../tenancy-change.service.js';
import { runTenancyCommand } from '../../tenancy-command.service.js';
import { changeProject } from '../change-project.service.js';
import {
  createProject,
  deleteProject,
  maxEnvironments,
  projectStream,
  renameProject,
  usualEnvironments,
} from '../project.js';
import { countProjects, findProject, rolesOnProject } from '../project-rows.service.js';
import { projectView, viewOfProject } from '../project-view.js';

const create = defineRoute({
  method: 'POST',
  path: `${path}/projects`,
  summary: 'Makes a project with its environments',
  access: { kind: 'action', action: 'project.write', resource: ownTenant },
  body: z.strictObject({
    id: slug,
    name: displayName,
    environments: z.array(slug).max(maxEnvironments).default(usualEnvironments),
  }),
  headers: commandHeaders.pick({ 'idempotency-key': true }),
  response: projectView,
  status: 201,
  problems: ['tenant_closed', 'project_id_taken', 'tenancy_limit', 'idempotency_key_reused'],
});

const one = {
  params: z.object({ projectId: slug }),
  headers: commandHeaders,
  response: projectView,
  problems: ['not_found', 'tenant_closed', 'stale_revision', 'idempotency_key_reused'],
} as const;

const rename = defineRoute({
  ...one,
  method: 'PATCH',
  path: `${path}/projects/:projectId`,
  summary: 'Renames a project; its id stays',
  access: { kind: 'action', action: 'project.write', resource: named('project', 'projectId') },
  body: z.strictObject({ name: displayName }),
});

const remove = defineRoute({
  ...one,
  method: 'DELETE',
  path: `${path}/projects/:projectId`,
  summary: 'Deletes a project, with every role on it; answers the project as it was',
  access: { kind: 'action', action: 'project.delete', resource: named('project', 'projectId') },
});

@Controller()
export class ChangeProjectController {
  constructor(@Inject(PostgresEventStore) private readonly store: PostgresEventStore) {}

  @Route(create)
  create(@Input() { body }: InputOf<typeof create>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const { id: projectId, name } = body;
    const streamId = projectStream(projectId);
    return runTenancyCommand({
      store: this.store,
      request,
      caller,
      operation: 'project.create',
      streamId,
      work: async (change, commandId) => {
        await openTenant(change);
        const { all, active } = await countProjects(change.client, caller.tenantId, projectId);
        const data = { projectId, name, environments: [...new Set(body.environments)] };
        await appendTo(change, streamId, createProject(data, all > 0, active), commandId);
      },
      answer: async ({ client }) => {
        const project = await findProject(client, caller.tenantId, projectId, { deleted: true });
        if (!project) throw refusal('not_found');
        return viewOfProject(project);
      },
    });
  }

  @Route(rename)
  rename(@Input() { params, body }: InputOf<typeof rename>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const { projectId } = params;
    return changeProject({
      ...{ store: this.store, request, caller, projectId, operation: 'project.rename' },
      work: (change, project, commandId) =>
        appendTo(change, projectStream(projectId), renameProject({ projectId, name: body.name }, project), commandId),
    });
  }

  @Route(remove)
  remove(@Input() { params }: InputOf<typeof remove>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const { projectId } = params;
    return changeProject({
      ...{ store: this.store, request, caller, projectId, operation: 'project.delete' },
      work: async (change, _project, commandId) => {
        const roles = await rolesOnProject(change.client, caller.tenantId, projectId);
        await appendTo(change, projectStream(projectId), deleteProject(projectId, roles), commandId);
      },
    });
  }
}
