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
import { PLATFORM, type Platform } from '@gatehouse/service';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { entryName, staticRoleInput } from './database-input.js';
import { entryNames } from './database-views.js';
import { permitted } from './permission.js';
import { StaticRoles } from './static-roles.service.js';

const base = '/api/v1/vault/static-roles';
const access = { kind: 'authenticated', anyScope: true } as const;
const params = z.object({ name: entryName });
const problems = ['not_found', 'forbidden', 'database_refused', 'database_unavailable'];

const list = defineRoute({
  method: 'GET',
  path: base,
  summary: 'Lists the accounts whose passwords are changed',
  access,
});
const show = defineRoute({ method: 'GET', path: `${base}/:name`, summary: 'Shows one', access, params, problems });
const put = defineRoute({
  method: 'PUT',
  path: `${base}/:name`,
  summary: 'Takes an account over, or changes how often its password changes',
  access,
  params,
  body: staticRoleInput,
  status: 204,
  timeoutMs: 60_000,
  problems,
});
const remove = defineRoute({
  method: 'DELETE',
  path: `${base}/:name`,
  summary: 'Forgets the password of an account, which stays as it is',
  access,
  params,
  status: 204,
  problems,
});
const credentials = defineRoute({
  method: 'POST',
  path: `${base}/:name/credentials`,
  summary: 'Gives the password of the account as it is now',
  access,
  params,
  timeoutMs: 60_000,
  problems: [...problems, 'rotation_pending'],
});
const rotate = defineRoute({
  method: 'POST',
  path: `${base}/:name/rotate`,
  summary: 'Changes the password now',
  access,
  params,
  status: 204,
  timeoutMs: 60_000,
  problems,
});

@Controller()
export class StaticRoleController {
  constructor(
    @Inject(StaticRoles) private readonly roles: StaticRoles,
    @Inject(AUTHORIZE) private readonly authorize: Authorize,
    @Inject(PLATFORM) private readonly platform: Platform,
  ) {}

  @Route(list)
  async list(@Caller() caller: Principal, @Req() request: HttpRequest) {
    const { tenantId } = await permitted(this.authorize, { caller, request }, 'database.read', 'tenant/static-roles');
    return { roles: await entryNames(this.platform.database.request, tenantId, 'static-role') };
  }

  @Route(show)
  async show(
    @Input() { params: { name } }: InputOf<typeof show>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
  ) {
    const { role, rotatedAt, alarmed, pending } = await this.roles.view(this.authorize, { caller, request }, name);
    return {
      name,
      database: role.database,
      username: role.username,
      rotationPeriodSeconds: role.rotationPeriodSeconds,
      rotatedAt: rotatedAt === 0 ? null : new Date(rotatedAt).toISOString(),
      pending: pending !== undefined,
      failing: alarmed,
    };
  }

  @Route(put)
  async put(
    @Input() { params: { name }, body }: InputOf<typeof put>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
  ) {
    await this.roles.write(this.authorize, { caller, request }, name, body);
  }

  @Route(remove)
  async remove(
    @Input() { params: { name } }: InputOf<typeof remove>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
  ) {
    await this.roles.remove(this.authorize, { caller, request }, name);
  }

  @Route(credentials)
  async credentials(
    @Input() { params: { name } }: InputOf<typeof credentials>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
  ) {
    const { username, password, rotatedAt } = await this.roles.credentials(this.authorize, { caller, request }, name);
    return { username, password, rotatedAt: new Date(rotatedAt).toISOString() };
  }

  @Route(rotate)
  async rotate(
    @Input() { params: { name } }: InputOf<typeof rotate>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
  ) {
    await this.roles.rotateNow(this.authorize, { caller, request }, name);
  }
}
