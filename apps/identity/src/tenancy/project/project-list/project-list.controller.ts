import { Caller, defineRoute, Input, type InputOf, type Principal, ProblemError, Route } from '@gatehouse/http';
import { PLATFORM, type Platform } from '@gatehouse/service';
import { Controller, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { named, ownTenant, path, slug } from '../../names.js';
import { pageOf, pageQuery } from '../../page.js';
import { rowsOf } from '../../tenancy-command.service.js';
import { type ProjectRow, projectColumns } from '../project-rows.service.js';
import { projectView, viewOfProject } from '../project-view.js';

const list = defineRoute({
  method: 'GET',
  path: `${path}/projects`,
  summary: "Lists the tenant's projects, by id",
  access: { kind: 'action', action: 'project.read', resource: ownTenant },
  query: pageQuery,
  response: z.object({ projects: z.array(projectView), nextCursor: z.string().nullable() }),
});

const params = z.object({ projectId: slug });

const read = defineRoute({
  method: 'GET',
  path: `${path}/projects/:projectId`,
  summary: 'Shows one project',
  access: { kind: 'action', action: 'project.read', resource: named('project', 'projectId') },
  params,
  response: projectView,
  problems: ['not_found'],
});

const readEnvironments = defineRoute({
  method: 'GET',
  path: `${path}/projects/:projectId/environments`,
  summary: 'Lists the environments of a project',
  access: { kind: 'action', action: 'environment.read', resource: named('project', 'projectId') },
  params,
  response: z.object({ environments: z.array(z.string()) }),
  problems: ['not_found'],
});

@Controller()
export class ProjectListController {
  constructor(@Inject(PLATFORM) private readonly platform: Platform) {}

  @Route(list)
  async list(@Input() { query }: InputOf<typeof list>, @Caller() { tenantId }: Principal) {
    const rows = await rowsOf<ProjectRow>(
      this.platform,
      tenantId,
      `select ${projectColumns} from projects where tenant_id = $1 and status = 'active' and project_id > $2
       order by project_id limit $3`,
      [tenantId, query.cursor ?? '', query.limit + 1],
    );
    const { page, nextCursor } = pageOf(rows, query.limit, ({ projectId }) => projectId);
    return { projects: page.map(viewOfProject), nextCursor };
  }

  @Route(read)
  async read(
    @Input() { params: { projectId } }: InputOf<typeof read>,
    @Caller() { tenantId }: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const row = await this.#find(tenantId, projectId);
    void reply.header('etag', `"${row.revision}"`);
    return viewOfProject(row);
  }

  @Route(readEnvironments)
  async environments(@Input() input: InputOf<typeof readEnvironments>, @Caller() { tenantId }: Principal) {
    const { environments } = await this.#find(tenantId, input.params.projectId);
    return { environments: [...environments] };
  }

  async #find(tenantId: string, projectId: string): Promise<ProjectRow> {
    const text = `select ${projectColumns} from projects
      where tenant_id = $1 and project_id = $2 and status = 'active'`;
    const [row] = await rowsOf<ProjectRow>(this.platform, tenantId, text, [tenantId, projectId]);
    if (!row) throw new ProblemError('not_found', 'There is no such project');
    return row;
  }
}
