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
import { DatabaseConfigs } from './database-configs.service.js';
import { databaseInput, entryName } from './database-input.js';
import { databaseView, entryNames } from './database-views.js';
import { permitted } from './permission.js';

const base = '/api/v1/vault/databases';
// The decision is asked by who does it: the same for this API and for the dialect.
const access = { kind: 'authenticated', anyScope: true } as const;
const params = z.object({ name: entryName });
const refusals = ['not_found', 'forbidden', 'database_refused', 'database_unavailable'];

const list = defineRoute({ method: 'GET', path: base, summary: 'Lists the databases that give credentials', access });
const show = defineRoute({
  method: 'GET',
  path: `${base}/:name`,
  summary: 'Shows a database, without its password',
  access,
  params,
  problems: refusals,
});
const put = defineRoute({
  method: 'PUT',
  path: `${base}/:name`,
  summary: 'Configures a database: logs in there, and remembers which server it is',
  access,
  params,
  body: databaseInput,
  status: 204,
  bodyLimitBytes: 131_072,
  timeoutMs: 30_000,
  problems: [...refusals, 'database_has_leases', 'conflict'],
});
const remove = defineRoute({
  method: 'DELETE',
  path: `${base}/:name`,
  summary: 'Removes a database that has no leases and no roles',
  access,
  params,
  status: 204,
  problems: [...refusals, 'database_has_leases'],
});
const rotateRoot = defineRoute({
  method: 'POST',
  path: `${base}/:name/rotate-root`,
  summary: "Changes the vault's own password in the database: nobody else knows it afterwards",
  access,
  params,
  status: 204,
  timeoutMs: 60_000,
  problems: refusals,
});

@Controller()
export class DatabaseController {
  constructor(
    @Inject(DatabaseConfigs) private readonly configs: DatabaseConfigs,
    @Inject(AUTHORIZE) private readonly authorize: Authorize,
    @Inject(PLATFORM) private readonly platform: Platform,
  ) {}

  @Route(list)
  async list(@Caller() caller: Principal, @Req() request: HttpRequest) {
    const { tenantId } = await permitted(this.authorize, { caller, request }, 'database.read', 'tenant/databases');
    return { databases: await entryNames(this.platform.database.request, tenantId, 'database') };
  }

  @Route(show)
  async show(
    @Input() { params: { name } }: InputOf<typeof show>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
  ) {
    return { name, ...databaseView(await this.configs.view(this.authorize, { caller, request }, name)) };
  }

  @Route(put)
  async put(
    @Input() { params: { name }, body }: InputOf<typeof put>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
  ) {
    await this.configs.configure(this.authorize, { caller, request }, name, body);
  }

  @Route(remove)
  async remove(
    @Input() { params: { name } }: InputOf<typeof remove>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
  ) {
    await this.configs.remove(this.authorize, { caller, request }, name);
  }

  @Route(rotateRoot)
  async rotateRoot(
    @Input() { params: { name } }: InputOf<typeof rotateRoot>,
    @Caller() caller: Principal,
    @Req() request: HttpRequest,
  ) {
    await this.configs.rotateRoot(this.authorize, { caller, request }, name);
  }
}
