import type { PostgresEventStore } from '@gatehouse/event-store';
import type { HttpRequest, Principal } from '@gatehouse/http';
import { expectedRevisionOf } from '../../request-command.js';
import { refusal } from '../refusals.js';
import { type Change, openTenant } from '../tenancy-change.service.js';
import { runTenancyCommand } from '../tenancy-command.service.js';
import { projectStream } from './project.js';
import { findProject, type ProjectRow } from './project-rows.service.js';
import { viewOfProject } from './project-view.js';

export interface ChangeProject {
  readonly store: PostgresEventStore;
  readonly request: HttpRequest;
  readonly caller: Principal;
  readonly projectId: string;
  readonly operation: string;
  readonly work: (change: Change, project: ProjectRow, commandId: string | undefined) => Promise<void>;
}

/** Changes one project of the caller's tenant, and answers it, as it was if it is deleted. */
export const changeProject = (command: ChangeProject) =>
  changeOnProject({ ...command, answer: async (_change, project) => viewOfProject(project) });

/** {@link changeProject} with another answer. */
export function changeOnProject<T>(
  command: ChangeProject & { readonly answer: (change: Change, project: ProjectRow) => Promise<T> },
): Promise<T> {
  const { store, request, caller, projectId, operation, work, answer } = command;
  const expected = expectedRevisionOf(request);
  return runTenancyCommand({
    store,
    request,
    caller,
    operation,
    streamId: projectStream(projectId),
    work: async (change, commandId) => {
      await openTenant(change);
      const project = await findProject(change.client, caller.tenantId, projectId);
      if (!project) throw refusal('not_found');
      if (expected !== undefined && expected !== project.revision) throw refusal('stale_revision');
      await work(change, project, commandId);
    },
    answer: async (change) => {
      const project = await findProject(change.client, caller.tenantId, projectId, { deleted: true });
      if (!project) throw refusal('not_found');
      return answer(change, project);
    },
  });
}
