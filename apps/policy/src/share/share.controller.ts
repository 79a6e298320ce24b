import { formatResource, parseResource } from '@gatehouse/evaluator';
import {
  AUTHORIZE,
  type Authorize,
  Caller,
  defineRoute,
  type HttpRequest,
  Input,
  type InputOf,
  type Principal,
  ProblemError,
  Route,
} from '@gatehouse/http';
import { commandContext, PLATFORM, type Platform, readAsTenant } from '@gatehouse/service';
import { Controller, Inject, Req } from '@nestjs/common';
import { MoreThan } from 'typeorm';
import { z } from 'zod';
import { recordable } from '../decision/identifiers.js';
import { grantId, roleName } from '../grant/grant.controller.js';
import { GrantRow } from '../grant/grant-list/grant-list.entity.js';
import { grantView } from '../grant/grant-views.js';
import { Granting } from '../grant/granting.service.js';

const base = '/api/v1/policy/shares';

/** One resource, `type/name` or `{type, id}`: never everything. */
const resource = z
  .union([z.string().max(577), z.strictObject({ type: z.string().max(64), id: z.string().max(512) })])
  .refine((given) => {
    const parsed = parseResource(given);
    return parsed.ok && !parsed.value.type.includes('*') && parsed.value.id !== '*';
  }, 'is not one resource');

const create = defineRoute({
  method: 'POST',
  path: base,
  summary: 'Shares one resource: gives a person, a service, a team or another tenant a role on it',
  access: {
    kind: 'action',
    action: 'resource.share',
    resource: ({ input }) => resourceText((input?.body as { resource?: unknown } | undefined)?.resource),
  },
  body: z.strictObject({
    subject: z.strictObject({ type: z.enum(['user', 'service', 'team', 'org']), id: z.string().min(1).max(256) }),
    role: roleName,
    resource,
  }),
  status: 201,
  problems: ['role_unknown', 'above_own_ceiling'],
});

const resourceQuery = { resource_type: z.string().min(1).max(64), resource_id: z.string().min(1).max(512) };

const list = defineRoute({
  method: 'GET',
  path: base,
  summary: 'Lists with whom one resource is shared',
  access: {
    kind: 'action',
    action: 'resource.share',
    resource: ({ input }) => sharedResource(input?.query as Record<keyof typeof resourceQuery, string> | undefined),
  },
  query: z.object({
    ...resourceQuery,
    limit: z.coerce.number().int().min(1).max(200).default(50),
    cursor: z.string().max(64).optional(),
  }),
});

const end = defineRoute({
  method: 'DELETE',
  path: `${base}/:grantId`,
  summary: 'Ends a share',
  // Asks its decision in the handler, which knows the resource: policy weighs the scopes there.
  access: { kind: 'authenticated', anyScope: true },
  params: z.object({ grantId }),
  problems: ['not_found', 'forbidden', 'above_own_ceiling'],
});

function resourceText(given: unknown): string {
  const parsed = parseResource(given);
  return parsed.ok ? formatResource(parsed.value) : '';
}

const sharedResource = (query: Record<keyof typeof resourceQuery, string> | undefined): string =>
  resourceText({ type: query?.resource_type, id: query?.resource_id });

@Controller()
export class ShareController {
  constructor(
    @Inject(Granting) private readonly granting: Granting,
    @Inject(AUTHORIZE) private readonly authorize: Authorize,
    @Inject(PLATFORM) private readonly platform: Platform,
  ) {}

  @Route(create)
  async create(@Input() { body }: InputOf<typeof create>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const terms = this.granting.terms({ ...body, scope: body.resource }, 'body.resource');
    return this.granting.grant(terms, caller, commandContext(request, caller, Date.now()));
  }

  @Route(list)
  async list(@Input() { query }: InputOf<typeof list>, @Caller() { tenantId }: Principal) {
    const { resource_type: type, resource_id: id, limit, cursor } = query;
    const scope = formatResource(recordable(this.platform.pepper, { type, id }));
    const where = { tenantId, scope, active: true, ...(cursor && { grantId: MoreThan(cursor) }) };
    const rows = await readAsTenant(this.platform.database.source, tenantId, (manager) =>
      manager.find(GrantRow, { where, order: { grantId: 'ASC' }, take: limit + 1 }),
    );
    const page = rows.slice(0, limit);
    return { shares: page.map(grantView), nextCursor: rows.length > limit ? (page.at(-1)?.grantId ?? null) : null };
  }

  @Route(end)
  async end(@Input() { params }: InputOf<typeof end>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const granted = await this.granting.granted(caller.tenantId, params.grantId);
    // A role in the whole tenant is no share: only who may revoke roles ends it.
    if (granted.scope === '*') throw new ProblemError('not_found', 'There is no such share');
    const allowed = await this.authorize(caller, 'resource.share', granted.scope, request);
    if (!allowed.allowed) throw new ProblemError('forbidden', 'Sharing this resource is not yours to do');
    return this.granting.revoke(granted, caller, {
      ...commandContext(request, caller, Date.now()),
      ...(allowed.decisionId && { causationId: allowed.decisionId }),
    });
  }
}
