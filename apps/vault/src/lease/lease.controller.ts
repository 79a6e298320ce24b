import {
  AUTHORIZE,
  type Authorize,
  Caller,
  defineRoute,
  type HttpRequest,
  Input,
  type InputOf,
  type Principal,
  Route,
} from '@gatehouse/http';
import { recordedText } from '@gatehouse/telemetry';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { entryName } from '../database/database-input.js';
import { leaseIdPattern } from './lease-name.js';
import { Leases } from './leases.service.js';

const base = '/api/v1/vault/leases';
const access = { kind: 'authenticated', anyScope: true } as const;
const params = z.object({ leaseId: z.string().regex(leaseIdPattern) });
const principal = z
  .string()
  .max(320)
  .regex(/^[a-z][a-z-]{0,63}\/[^\p{Cc}]{1,255}$/u, 'must be type/id')
  .transform((text) => ({ type: text.slice(0, text.indexOf('/')), id: text.slice(text.indexOf('/') + 1) }));
const statuses = ['requested', 'active', 'renewing', 'revoking', 'revoked', 'failed', 'abandoned'] as const;
const selection = { principal: principal.optional(), database: entryName.optional(), role: entryName.optional() };

const list = defineRoute({
  method: 'GET',
  path: base,
  summary: 'Lists leases, by holder, database, role or state, a page at a time',
  access,
  query: z.object({
    ...selection,
    status: z.enum(statuses).optional(),
    limit: z.coerce.number().int().min(1).max(200).default(50),
    cursor: z.string().regex(leaseIdPattern).optional(),
  }),
  problems: ['forbidden'],
});
const show = defineRoute({
  method: 'GET',
  path: `${base}/:leaseId`,
  summary: 'Shows a lease, without its password',
  access,
  params,
  problems: ['not_found', 'forbidden'],
});
const renew = defineRoute({
  method: 'POST',
  path: `${base}/:leaseId/renew`,
  summary: 'Prolongs a lease, at most to its end',
  access,
  params,
  body: z.strictObject({
    incrementSeconds: z
      .int()
      .min(1)
      .max(366 * 86_400)
      .optional(),
  }),
  timeoutMs: 60_000,
  problems: ['not_found', 'forbidden', 'lease_ended', 'lease_not_issued', 'lease_at_its_end', 'database_unavailable'],
});
const revoke = defineRoute({
  method: 'POST',
  path: `${base}/:leaseId/revoke`,
  summary: 'Ends a lease: at once, or as soon as its database can be reached',
  access,
  params,
  body: z.strictObject({ reason: recordedText(500).optional() }),
  timeoutMs: 60_000,
  problems: ['not_found', 'forbidden'],
});
const revokeMany = defineRoute({
  method: 'POST',
  path: `${base}/revoke`,
  summary: 'Begins to end the leases of a holder, a database or a role, 500 at a time: repeat while there are more',
  access,
  query: z
    .object(selection)
    .refine(
      (given) => Object.values(given).some((value) => value !== undefined),
      'must name a holder, database or role',
    ),
  body: z.strictObject({ reason: recordedText(500).optional() }),
  timeoutMs: 60_000,
  problems: ['forbidden'],
});

@Controller()
export class LeaseController {
  constructor(
    @Inject(Leases) private readonly leases: Leases,
    @Inject(AUTHORIZE) private readonly authorize: Authorize,
  ) {}

  @Route(list)
  async list(@Input() { query }: InputOf<typeof list>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const { limit, cursor, ...selected } = query;
    return this.leases.list(this.authorize, { caller, request }, selected, limit, cursor);
  }

  @Route(revokeMany)
  async revokeMany(
    @Input() { query, body }: InputOf<typeof revokeMany>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
  ) {
    return this.leases.revokeMany(this.authorize, { caller, request }, query, body.reason);
  }

  @Route(show)
  async show(
    @Input() { params: { leaseId } }: InputOf<typeof show>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
  ) {
    return this.leases.show(this.authorize, { caller, request }, leaseId);
  }

  @Route(renew)
  async renew(
    @Input() { params: { leaseId }, body }: InputOf<typeof renew>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
  ) {
    return this.leases.renew(this.authorize, { caller, request }, leaseId, body.incrementSeconds);
  }

  @Route(revoke)
  async revoke(
    @Input() { params: { leaseId }, body }: InputOf<typeof revoke>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
  ) {
    return this.leases.revoke(this.authorize, { caller, request }, leaseId, body.reason);
  }
}
