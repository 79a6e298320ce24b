import type { AreaContext, AreaParts } from '../area.js';
import type { TokenDirectory } from '../token/token-directory.service.js';
import type { Tokens } from '../token/tokens.service.js';
import { ApproleRoutes } from './approle.routes.js';
import { ApproleLogin } from './approle-login.service.js';
import { JwtLogin } from './jwt-login.service.js';
import { KubernetesLogin } from './kubernetes-login.service.js';
import { LoginConfigs } from './login-configs.service.js';
import { LoginGuesses } from './login-guesses.service.js';
import { LoginRoles } from './login-roles.service.js';
import { Logins } from './logins.service.js';
import { SecretIds } from './secret-ids.service.js';
import { TokenKeys } from './token-keys.js';
import { TokenLoginRoutes } from './token-login.routes.js';

/** AppRole, JWT and Kubernetes logins. */
export function loginParts(
  { platform, store, keyring }: AreaContext,
  tokens: Tokens,
  directory: Pick<TokenDirectory, 'forgetAll'>,
): AreaParts {
  const { pepper, callers, observations, settings } = platform;
  const { system: query } = platform.database;
  const roles = new LoginRoles(store, query, () => directory.forgetAll());
  const secretIds = new SecretIds(store, query, pepper);
  const configs = new LoginConfigs(store, query, keyring);
  const onError = platform.warn('a failed login could not be counted');
  const guesses = new LoginGuesses({ store, pool: query, pepper, observations, onError });
  const logins = new Logins(tokens, guesses, callers);
  const reach = { privateNetworks: settings.ISSUERS_ON_PRIVATE_NETWORKS, loopback: settings.ISSUERS_ON_LOOPBACK };
  const keys = new TokenKeys(reach);
  return {
    dialect: [ApproleRoutes, TokenLoginRoutes],
    providers: [
      { provide: LoginRoles, useValue: roles },
      { provide: SecretIds, useValue: secretIds },
      { provide: LoginConfigs, useValue: configs },
      { provide: ApproleLogin, useValue: new ApproleLogin(logins, roles, secretIds) },
      { provide: JwtLogin, useValue: new JwtLogin({ logins, roles, configs, keys, query, pepper }) },
      { provide: KubernetesLogin, useValue: new KubernetesLogin({ logins, roles, configs, keys, reach }) },
    ],
    stop: () => guesses.settle(),
  };
}
