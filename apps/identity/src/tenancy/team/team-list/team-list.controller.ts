import { Caller, defineRoute, Input, type InputOf, type Principal, ProblemError, Route } from '@gatehouse/http';
import { PLATFORM, type Platform } from '@gatehouse/service';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import { named, ownTenant, path, slug } from '../../names.js';
import { pageOf, pageQuery, uuidPageQuery } from '../../page.js';
import { rowsOf } from '../../tenancy-command.service.js';
import { type TeamRow, teamColumns } from '../team-rows.service.js';
import { teamMemberView, teamView, viewOfTeam } from '../team-view.js';

const list = defineRoute({
  method: 'GET',
  path: `${path}/teams`,
  summary: "Lists the tenant's teams, by id",
  access: { kind: 'action', action: 'team.read', resource: ownTenant },
  query: pageQuery,
  response: z.object({ teams: z.array(teamView), nextCursor: z.string().nullable() }),
});

const params = z.object({ teamId: slug });
const access = { kind: 'action', action: 'team.read', resource: named('team', 'teamId') } as const;

const read = defineRoute({
  method: 'GET',
  path: `${path}/teams/:teamId`,
  summary: 'Shows one team',
  access,
  params,
  response: teamView,
  problems: ['not_found'],
});

const members = defineRoute({
  method: 'GET',
  path: `${path}/teams/:teamId/members`,
  summary: 'Lists who is in a team',
  access,
  params,
  query: uuidPageQuery,
  response: z.object({ members: z.array(teamMemberView), nextCursor: z.string().nullable() }),
  problems: ['not_found'],
});

@Controller()
export class TeamListController {
  constructor(@Inject(PLATFORM) private readonly platform: Platform) {}

  @Route(list)
  async list(@Input() { query }: InputOf<typeof list>, @Caller() { tenantId }: Principal) {
    const rows = await rowsOf<TeamRow>(
      this.platform,
      tenantId,
      `select ${teamColumns} from teams where tenant_id = $1 and status = 'active' and team_id > $2
       order by team_id limit $3`,
      [tenantId, query.cursor ?? '', query.limit + 1],
    );
    const { page, nextCursor } = pageOf(rows, query.limit, ({ teamId }) => teamId);
    return { teams: page.map(viewOfTeam), nextCursor };
  }

  @Route(read)
  async read(@Input() { params: { teamId } }: InputOf<typeof read>, @Caller() { tenantId }: Principal) {
    return viewOfTeam(await this.#find(tenantId, teamId));
  }

  @Route(members)
  async members(@Input() { params: { teamId }, query }: InputOf<typeof members>, @Caller() { tenantId }: Principal) {
    await this.#find(tenantId, teamId);
    const rows = await rowsOf<{ teamId: string; userId: string; addedAt: Date }>(
      this.platform,
      tenantId,
      `select team_id as "teamId", user_id as "userId", added_at as "addedAt" from team_members
       where tenant_id = $1 and team_id = $2 and ($3::uuid is null or user_id > $3) order by user_id limit $4`,
      [tenantId, teamId, query.cursor ?? null, query.limit + 1],
    );
    const { page, nextCursor } = pageOf(rows, query.limit, ({ userId }) => userId);
    return { members: page.map((row) => ({ ...row, addedAt: row.addedAt.toISOString() })), nextCursor };
  }

  async #find(tenantId: string, teamId: string): Promise<TeamRow> {
    const text = `select ${teamColumns} from teams where tenant_id = $1 and team_id = $2 and status = 'active'`;
    const [row] = await rowsOf<TeamRow>(this.platform, tenantId, text, [tenantId, teamId]);
    if (!row) throw new ProblemError('not_found', 'There is no such team');
    return row;
  }
}
