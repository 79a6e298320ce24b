import { Caller, defineRoute, Input, type InputOf, type Principal, ProblemError, Route } from '@gatehouse/http';
import { Controller, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { audienceName, audienceView, namePage, pageOf, viewOfAudience } from '../audience-view.js';
import { Audiences } from '../audiences.service.js';

const list = defineRoute({
  method: 'GET',
  path: '/api/v1/identity/audiences',
  summary: "Lists the tenant's audiences by name, a page at a time",
  access: {
    kind: 'action',
    action: 'audience.read',
    resource: ({ principal }) => `tenant/${principal?.tenantId ?? ''}`,
  },
  query: namePage,
  response: z.object({ audiences: z.array(audienceView), nextCursor: z.string().nullable() }),
});

const read = defineRoute({
  method: 'GET',
  path: '/api/v1/identity/audiences/:name',
  summary: 'Shows one audience',
  access: {
    kind: 'action',
    action: 'audience.read',
    resource: ({ input }) => `audience/${(input?.params as { name?: string } | undefined)?.name ?? ''}`,
  },
  params: z.object({ name: audienceName }),
  response: audienceView,
  problems: ['not_found'],
});

@Controller()
export class AudienceListController {
  constructor(@Inject(Audiences) private readonly audiences: Audiences) {}

  @Route(list)
  async list(@Input() { query }: InputOf<typeof list>, @Caller() { tenantId }: Principal) {
    const rows = await this.audiences.list(tenantId, query.cursor ?? '', query.limit + 1);
    const { page, nextCursor } = pageOf(rows, query.limit);
    return { audiences: page.map(viewOfAudience), nextCursor };
  }

  @Route(read)
  async read(
    @Input() { params }: InputOf<typeof read>,
    @Caller() { tenantId }: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const row = await this.audiences.ofTenant(tenantId, params.name);
    if (!row) throw new ProblemError('not_found', 'There is no such audience');
    void reply.header('etag', `"${row.revision}"`);
    return viewOfAudience(row);
  }
}
