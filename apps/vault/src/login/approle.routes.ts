import { AUTHORIZE, type Authorize, ProblemError } from '@gatehouse/http';
import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { type Asker, contextOf } from '../asker.js';
import { namespaceOf } from '../dialect/credentials.js';
import {
  type DialectRoute,
  type DialectRoutes,
  dialectRoute,
  publicDialectRoute,
  writeMethods,
} from '../dialect/dialect-route.js';
import { ask } from '../token/ask.js';
import { authView } from '../token/token-view.js';
import { ApproleLogin } from './approle-login.service.js';
import { LoginRoles } from './login-roles.service.js';
import { listedSchema, writeRole } from './role-routes.js';
import { type ApproleSettings, roleName } from './role-settings.js';
import { secretIdBody, secretIdView } from './secret-id-body.js';
import { type SecretIdName, SecretIds } from './secret-ids.service.js';

const base = '/v1/auth/approle/role';
const params = z.object({ name: roleName });
const login = z.strictObject({ role_id: z.string().min(1).max(512), secret_id: z.string().min(1).max(512) });
// Not strict: node-vault repeats the role's name in some of these bodies.
const byText = z.object({ secret_id: z.string().min(1).max(512) });
const byAccessor = z.object({ secret_id_accessor: z.uuid('must be an accessor') });
const roleIdBody = z.strictObject({
  role_id: z.string().regex(/^[\x21-\x7e]{8,512}$/, 'must be 8 to 512 visible characters'),
});

/** `auth/approle/...`: roles, their ids and secret ids, and the login. */
@Injectable()
export class ApproleRoutes implements DialectRoutes {
  readonly routes: readonly DialectRoute[];

  constructor(
    @Inject(LoginRoles) private readonly roles: LoginRoles,
    @Inject(SecretIds) private readonly secretIds: SecretIds,
    @Inject(ApproleLogin) logins: ApproleLogin,
    @Inject(AUTHORIZE) private readonly authorize: Authorize,
  ) {
    this.routes = [
      publicDialectRoute(
        {
          ...{ methods: writeMethods, path: '/v1/auth/approle/login', body: login },
          summary: 'A token for a role id and a secret id',
          problems: ['login_failed', 'login_rate_limited'],
        },
        async ({ body }, request) => {
          const made = await logins.logIn(body, namespaceOf(request), request);
          return { auth: authView(made.chain, made.token, Date.now()) };
        },
      ),
      ...this.#roleRoutes(),
      ...this.#secretIdRoutes(),
    ];
  }

  #roleRoutes(): readonly DialectRoute[] {
    return [
      dialectRoute(
        { methods: ['GET'], path: base, summary: 'Names of the AppRoles', query: listedSchema },
        async (_input, asker) => {
          await ask(this.authorize, asker, 'approle.read', 'tenant/approles');
          const keys = await this.roles.names(asker.caller.tenantId, 'approle');
          if (keys.length === 0) throw new ProblemError('not_found');
          return { data: { keys } };
        },
      ),
      dialectRoute(
        // Checked by the method's own schema, with what is there already beneath it.
        {
          methods: writeMethods,
          path: `${base}/:name`,
          summary: 'Makes an AppRole, or changes one',
          params,
          body: z.record(z.string(), z.unknown()).nullish(),
        },
        async (input, asker) => {
          await ask(this.authorize, asker, 'approle.write', `approle/${input.params.name}`);
          await writeRole(this.roles, 'approle', input.params.name, input.body ?? {}, asker);
          return undefined;
        },
      ),
      dialectRoute(
        { methods: ['GET'], path: `${base}/:name`, summary: 'An AppRole', params },
        async (input, asker) => ({
          data: (await this.#role(input.params.name, asker, 'approle.read')).settings,
        }),
      ),
      dialectRoute(
        {
          methods: ['DELETE'],
          path: `${base}/:name`,
          summary: 'Removes an AppRole, its secret ids and its tokens',
          params,
        },
        async (input, asker) => {
          await ask(this.authorize, asker, 'approle.write', `approle/${input.params.name}`);
          await this.roles.remove(asker.caller.tenantId, 'approle', input.params.name, contextOf(asker));
          return undefined;
        },
      ),
      dialectRoute(
        { methods: ['GET'], path: `${base}/:name/role-id`, summary: 'The role id of an AppRole', params },
        async (input, asker) => ({
          data: { role_id: (await this.#role(input.params.name, asker, 'approle.read')).loginId },
        }),
      ),
      dialectRoute(
        {
          methods: writeMethods,
          path: `${base}/:name/role-id`,
          summary: 'Gives an AppRole a chosen role id',
          params,
          body: roleIdBody,
          problems: ['login_role_taken'],
        },
        async (input, asker) => {
          const role = await this.#role(input.params.name, asker, 'approle.write');
          await this.roles.chooseLoginId(role, input.body.role_id, contextOf(asker));
          return undefined;
        },
      ),
    ];
  }

  #secretIdRoutes(): readonly DialectRoute[] {
    return [
      this.#creation('secret-id', secretIdBody.generated),
      this.#creation('custom-secret-id', secretIdBody.custom),
      dialectRoute(
        {
          methods: ['GET'],
          path: `${base}/:name/secret-id`,
          summary: 'Accessors of secret ids',
          params,
          query: listedSchema,
        },
        async (input, asker) => {
          const role = await this.#role(input.params.name, asker, 'approle.read');
          const keys = await this.secretIds.list(role.roleId, Date.now());
          if (keys.length === 0) throw new ProblemError('not_found');
          return { data: { keys } };
        },
      ),
      ...this.#named('secret-id', byText, (body) => ({ text: body.secret_id ?? '' })),
      ...this.#named('secret-id-accessor', byAccessor, (body) => ({ secretIdId: body.secret_id_accessor ?? '' })),
    ];
  }

  #creation(path: string, body: (typeof secretIdBody)['generated' | 'custom']): DialectRoute {
    return dialectRoute(
      {
        methods: writeMethods,
        path: `${base}/:name/${path}`,
        summary: 'A secret id, shown this once',
        params,
        body: body.nullish(),
        problems: ['secret_id_taken', 'too_many_secret_ids'],
      },
      async (input, asker) => {
        const role = await this.#role(input.params.name, asker, 'approle.write');
        const settings = role.settings as unknown as ApproleSettings;
        const given = body.parse(input.body ?? {});
        const ttlSeconds = given.ttl ?? settings.secret_id_ttl;
        const numUses = given.num_uses ?? settings.secret_id_num_uses;
        const wish = {
          ...{ text: given.secret_id, ttlSeconds, numUses, metadata: given.metadata },
          ...{ networks: given.cidr_list, tokenNetworks: given.token_bound_cidrs },
        };
        const { text, secretIdId } = await this.secretIds.create(role, wish, contextOf(asker));
        return {
          data: {
            secret_id: text,
            secret_id_accessor: secretIdId,
            secret_id_ttl: ttlSeconds,
            secret_id_num_uses: numUses,
          },
        };
      },
    );
  }

  /** Looks one up, and destroys it: by its text, or by its accessor. */
  #named(
    path: string,
    body: typeof byText | typeof byAccessor,
    nameOf: (body: { secret_id?: string; secret_id_accessor?: string }) => SecretIdName,
  ): readonly DialectRoute[] {
    return [
      dialectRoute(
        {
          methods: writeMethods,
          path: `${base}/:name/${path}/lookup`,
          summary: 'What is known of a secret id',
          params,
          body,
        },
        async (input, asker) => {
          const role = await this.#role(input.params.name, asker, 'approle.read');
          const found = await this.secretIds.find(role.roleId, nameOf(input.body), Date.now());
          if (!found) throw new ProblemError('not_found');
          return { data: secretIdView(found) };
        },
      ),
      dialectRoute(
        {
          methods: [...writeMethods, 'DELETE'],
          path: `${base}/:name/${path}/destroy`,
          summary: 'Destroys a secret id',
          params,
          body,
        },
        async (input, asker) => {
          const role = await this.#role(input.params.name, asker, 'approle.write');
          await this.secretIds.destroy(role, nameOf(input.body), contextOf(asker));
          return undefined;
        },
      ),
    ];
  }

  async #role(name: string, asker: Asker, action: 'approle.read' | 'approle.write') {
    await ask(this.authorize, asker, action, `approle/${name}`);
    return this.roles.get(asker.caller.tenantId, 'approle', name);
  }
}
