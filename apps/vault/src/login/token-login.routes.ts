import { isForeignUrl } from '@gatehouse/authn';
import { AUTHORIZE, type Authorize, type HttpRequest, ProblemError } from '@gatehouse/http';
import { PLATFORM, type Platform } from '@gatehouse/service';
import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { contextOf } from '../asker.js';
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
import { JwtLogin } from './jwt-login.service.js';
import { KubernetesLogin } from './kubernetes-login.service.js';
import { type ConfiguredMethod, LoginConfigs } from './login-configs.service.js';
import { LoginRoles } from './login-roles.service.js';
import { checked, listedSchema, writeRole } from './role-routes.js';
import { configSettings, type JwtConfig, type KubernetesConfig, roleName } from './role-settings.js';
import { localKeys, pemKeys } from './token-keys.js';

const params = z.object({ name: roleName });
const anyBody = z.record(z.string(), z.unknown());
const login = z.strictObject({ role: z.string().max(128).default(''), jwt: z.string().min(1).max(8_192) });

/** `auth/jwt/...` and `auth/kubernetes/...`: configuration, roles, and the login with a token of somebody else. */
@Injectable()
export class TokenLoginRoutes implements DialectRoutes {
  readonly routes: readonly DialectRoute[];

  constructor(
    @Inject(LoginRoles) private readonly roles: LoginRoles,
    @Inject(LoginConfigs) private readonly configs: LoginConfigs,
    @Inject(JwtLogin) jwt: JwtLogin,
    @Inject(KubernetesLogin) kubernetes: KubernetesLogin,
    @Inject(AUTHORIZE) private readonly authorize: Authorize,
    @Inject(PLATFORM) private readonly platform: Platform,
  ) {
    this.routes = [...this.#of('jwt', jwt), ...this.#of('kubernetes', kubernetes)];
  }

  #of(method: ConfiguredMethod, logins: JwtLogin | KubernetesLogin): readonly DialectRoute[] {
    const base = `/v1/auth/${method}`;
    return [
      publicDialectRoute(
        {
          methods: writeMethods,
          path: `${base}/login`,
          summary: 'A token of the vault for a token of an issuer',
          body: login,
          problems: ['login_failed', 'login_rate_limited'],
        },
        async ({ body }, request) => {
          const made = await logins.logIn(body, this.#tenantOf(request), request);
          return { auth: authView(made.chain, made.token, Date.now()) };
        },
      ),
      ...this.#config(method, `${base}/config`),
      ...this.#roles(method, `${base}/role`),
    ];
  }

  #config(method: ConfiguredMethod, path: string): readonly DialectRoute[] {
    const resource = `login/${method}/config`;
    return [
      dialectRoute({ methods: ['GET'], path, summary: 'How tokens are checked' }, async (_input, asker) => {
        await ask(this.authorize, asker, 'login.read', resource);
        const config = await this.configs.find(asker.caller.tenantId, method);
        if (!config) throw new ProblemError('not_found');
        return {
          data: {
            ...config.settings,
            ...(method === 'kubernetes' && { token_reviewer_jwt_set: config.sealed !== undefined }),
          },
        };
      }),
      dialectRoute(
        { methods: writeMethods, path, summary: 'Says how tokens are checked', body: anyBody },
        async ({ body }, asker) => {
          await ask(this.authorize, asker, 'login.write', resource);
          const { token_reviewer_jwt: secret = '', ...settings } = checked(
            configSettings[method],
            body,
          ) as unknown as Partial<KubernetesConfig>;
          this.#assertUsable(settings as KubernetesConfig & JwtConfig);
          const { tenantId } = asker.caller;
          await this.configs.write({ tenantId, method, settings }, secret, contextOf(asker));
          return undefined;
        },
      ),
    ];
  }

  #roles(method: ConfiguredMethod, base: string): readonly DialectRoute[] {
    const resource = (name: string) => `login/${method}/role/${name}`;
    return [
      dialectRoute(
        { methods: ['GET'], path: base, summary: 'Names of the roles', query: listedSchema },
        async (_input, asker) => {
          await ask(this.authorize, asker, 'login.read', `login/${method}/roles`);
          const keys = await this.roles.names(asker.caller.tenantId, method);
          if (keys.length === 0) throw new ProblemError('not_found');
          return { data: { keys } };
        },
      ),
      dialectRoute(
        {
          methods: writeMethods,
          path: `${base}/:name`,
          summary: 'Makes a role, or changes one',
          params,
          body: anyBody,
        },
        async (input, asker) => {
          await ask(this.authorize, asker, 'login.write', resource(input.params.name));
          await writeRole(this.roles, method, input.params.name, input.body, asker);
          return undefined;
        },
      ),
      dialectRoute({ methods: ['GET'], path: `${base}/:name`, summary: 'A role', params }, async (input, asker) => {
        await ask(this.authorize, asker, 'login.read', resource(input.params.name));
        return { data: (await this.roles.get(asker.caller.tenantId, method, input.params.name)).settings };
      }),
      dialectRoute(
        { methods: ['DELETE'], path: `${base}/:name`, summary: 'Removes a role and its tokens', params },
        async (input, asker) => {
          await ask(this.authorize, asker, 'login.write', resource(input.params.name));
          await this.roles.remove(asker.caller.tenantId, method, input.params.name, contextOf(asker));
          return undefined;
        },
      ),
    ];
  }

  /** Whoever logs in has no tenant yet but the one he names; where there is one alone, nobody names it. */
  #tenantOf(request: HttpRequest): string {
    return namespaceOf(request) ?? this.platform.settings.OPERATOR_TENANT;
  }

  /** An address that is refused, or keys that cannot be read, would only show when somebody logs in. */
  #assertUsable(settings: Partial<JwtConfig & KubernetesConfig>): void {
    const { ISSUERS_ON_PRIVATE_NETWORKS: privateNetworks, ISSUERS_ON_LOOPBACK: loopback } = this.platform.settings;
    for (const name of ['oidc_discovery_url', 'jwks_url', 'kubernetes_host'] as const) {
      const url = settings[name];
      if (url && !isForeignUrl(new URL(url), { privateNetworks, loopback }))
        throw wrong(name, 'must be https, and at an address that issuers may have here (ISSUERS_ON_PRIVATE_NETWORKS)');
    }
    for (const name of ['jwt_validation_pubkeys', 'pem_keys'] as const)
      attempt(name, () => pemKeys(settings[name] ?? []));
    attempt('jwks', () => settings.jwks && localKeys(settings.jwks));
  }
}

const wrong = (name: string, message: string): ProblemError =>
  new ProblemError('validation_failed', undefined, { errors: [{ path: `body.${name}`, message }] });

function attempt(name: string, read: () => unknown): void {
  try {
    read();
  } catch {
    throw wrong(name, 'does not hold public keys that can be read');
  }
}
