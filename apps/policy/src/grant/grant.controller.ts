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
import { commandContext } from '@gatehouse/service';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { roleNames } from '../role/roles.js';
import { Granting, roleResource } from './granting.service.js';

const base = '/api/v1/policy/grants';
export const roleName = z.string().regex(/^[a-z][a-z0-9_-]{0,63}$/);
export const grantId = z.string().regex(/^[A-Za-z0-9_-]{22}$/);
const body = z.strictObject({
  subject: z.strictObject({ type: z.string().min(1).max(64), id: z.string().min(1).max(256) }),
  role: roleName,
  scope: z.string().min(1).max(512).default('*'),
});

const create = defineRoute({
  method: 'POST',
  path: base,
  summary: 'Grants a role to a subject, in the tenant or on one resource',
  access: {
    kind: 'action',
    action: 'role.grant',
    resource: ({ input }) => roleResource((input?.body as { role?: string } | undefined)?.role ?? '', roleNames),
  },
  body,
  status: 201,
  problems: ['role_unknown', 'above_own_ceiling', 'foreign_tenant_on_everything'],
});

const revoke = defineRoute({
  method: 'DELETE',
  path: `${base}/:grantId`,
  summary: 'Revokes a grant',
  // Asks its decision in the handler, which knows the role: policy weighs the scopes there.
  access: { kind: 'authenticated', anyScope: true },
  params: z.object({ grantId }),
  problems: ['not_found', 'forbidden', 'last_owner', 'above_own_ceiling'],
});

@Controller()
export class GrantController {
  constructor(
    @Inject(Granting) private readonly granting: Granting,
    @Inject(AUTHORIZE) private readonly authorize: Authorize,
  ) {}

  @Route(create)
  async create(@Input() input: InputOf<typeof create>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    return this.granting.grant(this.granting.terms(input.body), caller, commandContext(request, caller, Date.now()));
  }

  @Route(revoke)
  async revoke(@Input() input: InputOf<typeof revoke>, @Caller() caller: Principal, @Req() request: HttpRequest) {
    const granted = await this.granting.granted(caller.tenantId, input.params.grantId);
    const { role } = granted;
    const allowed = await this.authorize(caller, 'role.revoke', roleResource(role, roleNames), request);
    if (!allowed.allowed) throw new ProblemError('forbidden', `Revoking the role ${role} is not yours to do`);
    return this.granting.revoke(granted, caller, {
      ...commandContext(request, caller, Date.now()),
      ...(allowed.decisionId && { causationId: allowed.decisionId }),
    });
  }
}
