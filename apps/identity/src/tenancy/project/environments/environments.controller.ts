import { PostgresEventStore } from '@gatehouse/event-store';
import { Caller, defineRoute, type HttpRequest, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { commandHeaders } from '../../../request-command.js';
import { named, path, slug } from '../../names.js';
import { appendTo } from '../../tenancy-change.service.js';
import { changeProject } from '../change-project.service.js';
import { addEnvironment, projectStream, removeEnvironment } from '../project.js';
import { projectView } from '../project-view.js';

const common = {
  // On the project and not on the environment: whoever may write in `preview` must not make a second `production`.
  access: { kind: 'action', action: 'environment.write', resource: named('project', 'projectId') },
  headers: commandHeaders,
  response: projectView,
  problems: ['not_found', 'tenant_closed', 'tenancy_limit', 'stale_revision', 'idempotency_key_reused'],
} as const;

const add = defineRoute({
  ...common,
  method: 'POST',
  path: `${path}/projects/:projectId/environments`,
  summary: 'Adds an environment to a project',
  params: z.object({ projectId: slug }),
  body: z.strictObject({ environment: slug }),
});

const remove = defineRoute({
  ...common,
  method: 'DELETE',
  path: `${path}/projects/:projectId/environments/:environment`,
  summary: 'Removes an environment from a project',
  params: z.object({ projectId: slug, environment: slug }),
});

@Controller()
export class EnvironmentsController {
  constructor(@Inject(PostgresEventStore) private readonly store: PostgresEventStore) {}

  @Route(add)
  add(@Input() { params, body }: InputOf<typeof add>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const { projectId } = params;
    return changeProject({
      ...{ store: this.store, request, caller, projectId, operation: 'environment.add' },
      work: (change, project, commandId) =>
        appendTo(change, projectStream(projectId), addEnvironment({ projectId, ...body }, project), commandId),
    });
  }

  @Route(remove)
  remove(@Input() { params }: InputOf<typeof remove>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const { projectId } = params;
    return changeProject({
      ...{ store: this.store, request, caller, projectId, operation: 'environment.remove' },
      work: (change, project, commandId) =>
        appendTo(change, projectStream(projectId), removeEnvironment(params, project), commandId),
    });
  }
}
