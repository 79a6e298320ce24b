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
import { commandHeaders, PLATFORM, type Platform } from '@gatehouse/service';
import { Controller, Inject, Req } from '@nestjs/common';
import { z } from 'zod';
import { Leases } from '../lease/leases.service.js';
import { entryName, roleInput } from './database-input.js';
import { DatabaseRoles } from './database-roles.service.js';
import { entryNames, roleView } from './database-views.js';
import { permitted } from './permission.js';

const base = '/api/v1/vault/database-roles';
const access = { kind: 'authenticated', anyScope: true } as const;
const params = z.object({ name: entryName });

const list = defineRoute({ method: 'GET', path: base, summary: 'Lists what credentials are made by', access });
const show = defineRoute({
  method: 'GET',
  path: `${base}/:name`,
  summary: 'Shows the statements and times of a role',
  access,
  params,
  problems: ['not_found', 'forbidden'],
});
const put = defineRoute({
  method: 'PUT',
  path: `${base}/:name`,
  summary: 'Writes the statements and times of a role',
  access,
  params,
  body: roleInput,
  status: 204,
  bodyLimitBytes: 131_072,
  problems: ['not_found', 'forbidden'],
});
const remove = defineRoute({
  method: 'DELETE',
  path: `${base}/:name`,
  summary: 'Removes a role; its leases live on',
  access,
  params,
  status: 204,
  problems: ['forbidden'],
});
const credentials = defineRoute({
  method: 'POST',
  path: `${base}/:name/credentials`,
  summary: 'Makes an account for a while, and gives its password once',
  access,
  params,
  headers: commandHeaders.pick({ 'idempotency-key': true }),
  status: 201,
  timeoutMs: 60_000,
  problems: [
    'not_found',
    'forbidden',
    'database_refused',
    'database_unavailable',
    'credentials_given_already',
    'too_many_leases',
  ],
});

@Controller()
export class DatabaseRoleController {
  constructor(
    @Inject(DatabaseRoles) private readonly roles: DatabaseRoles,
    @Inject(Leases) private readonly leases: Leases,
    @Inject(AUTHORIZE) private readonly authorize: Authorize,
    @Inject(PLATFORM) private readonly platform: Platform,
  ) {}

  @Route(list)
  async list(@Caller() caller: Principal, @Req() request: HttpRequest) {
    const { tenantId } = await permitted(this.authorize, { caller, request }, 'database.read', 'tenant/database-roles');
    return { roles: await entryNames(this.platform.database.request, tenantId, 'role') };
  }

  @Route(show)
  async show(
    @Input() { params: { name } }: InputOf<typeof show>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
  ) {
    return { name, ...roleView(await this.roles.view(this.authorize, { caller, request }, name)) };
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
    return this.leases.issue(this.authorize, { caller, request }, name);
  }
}
