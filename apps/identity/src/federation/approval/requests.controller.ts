import { Caller, defineRoute, type HttpRequest, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { commandContext } from '../../request-command.js';
import { FEDERATION, type Federation } from '../federation.js';

const path = '/api/v1/identity/federation-requests';
const params = z.object({ userId: z.uuid() });
const access = {
  kind: 'action',
  action: 'members.invite',
  resource: ({ principal }: HttpRequest) => `tenant/${principal?.tenantId ?? ''}`,
} as const;

const list = defineRoute({
  method: 'GET',
  path,
  summary: 'Lists people who signed in elsewhere for the first time and wait for approval',
  access,
  query: z.object({
    status: z.enum(['pending', 'approved', 'rejected']).default('pending'),
    limit: z.coerce.number().int().min(1).max(200).default(50),
    cursor: z.uuid().optional(),
  }),
  response: z.object({
    requests: z.array(
      z.object({
        userId: z.uuid(),
        idpId: z.uuid(),
        status: z.string(),
        email: z.string().optional(),
        requestedAt: z.iso.datetime(),
      }),
    ),
    nextCursor: z.string().nullable(),
  }),
});

const answerRoute = (answer: 'approve' | 'reject', summary: string) =>
  defineRoute({
    method: 'POST',
    path: `${path}/:userId/${answer}`,
    summary,
    access,
    params,
    status: 204,
    problems: ['not_found', 'federation_decided'],
  });

const approve = answerRoute('approve', 'Lets somebody in at the next sign-in');
const reject = answerRoute('reject', 'Keeps somebody out, and forgets the address');

@Controller()
export class FederationRequestsController {
  constructor(@Inject(FEDERATION) private readonly federation: Federation) {}

  @Route(list)
  async list(@Input() { query }: InputOf<typeof list>, @Caller() { tenantId }: Principal) {
    const { status, limit, cursor } = query;
    const rows = await this.federation.requests.list(tenantId, status, cursor, limit + 1);
    const page = rows.slice(0, limit);
    return {
      requests: page.map(({ userId, idpId, email, requestedAt, status: now }) => ({
        ...{ userId, idpId, status: now, requestedAt: requestedAt.toISOString() },
        ...(email !== undefined && { email }),
      })),
      nextCursor: rows.length > limit ? (page.at(-1)?.userId ?? null) : null,
    };
  }

  @Route(approve)
  approve(@Input() { params: p }: InputOf<typeof approve>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    return this.federation.requests.decide(p.userId, 'approved', commandContext(request, caller, Date.now()));
  }

  @Route(reject)
  reject(@Input() { params: p }: InputOf<typeof reject>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    return this.federation.requests.decide(p.userId, 'rejected', commandContext(request, caller, Date.now()));
  }
}
