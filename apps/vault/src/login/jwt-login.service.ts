import { foreignAlgorithms } from '@gatehouse/authn';
import { blindIndex, type Pepper } from '@gatehouse/crypto';
import type { Query } from '@gatehouse/event-store';
import type { HttpRequest } from '@gatehouse/http';
import type { JWTPayload } from 'jose';
import { missedBound } from './bound-claims.js';
import type { LoginConfigs } from './login-configs.service.js';
import type { LoginRole, LoginRoles } from './login-roles.service.js';
import { LoginRefused, type Logins } from './logins.service.js';
import type { JwtConfig, JwtSettings } from './role-settings.js';
import type { KeySource, TokenKeys } from './token-keys.js';
import { verifyToken } from './verify-token.js';

export interface JwtCredentials {
  readonly role: string;
  readonly jwt: string;
}

export interface JwtLoginOptions {
  readonly logins: Logins;
  readonly roles: LoginRoles;
  readonly configs: LoginConfigs;
  readonly keys: TokenKeys;
  /** Connections of the system role. */
  readonly query: Query;
  readonly pepper: Pepper;
}

const sourceOf = (config: JwtConfig): KeySource => {
  if (config.jwt_validation_pubkeys.length > 0) return { kind: 'pem', keys: config.jwt_validation_pubkeys };
  if (config.jwks_url !== '') return { kind: 'url', url: config.jwks_url, ca: config.jwks_ca_pem };
  return { kind: 'discovery', url: config.oidc_discovery_url, ca: config.oidc_discovery_ca_pem };
};

/** Logins with a token of an issuer that the tenant trusts: a pipeline's, a workload's. */
export class JwtLogin {
  readonly #options: JwtLoginOptions;

  constructor(options: JwtLoginOptions) {
    this.#options = options;
  }

  async logIn({ role: named, jwt }: JwtCredentials, tenantId: string, request: HttpRequest) {
    const { logins, roles, configs } = this.#options;
    const nowMs = Date.now();
    const config = await configs.find(tenantId, 'jwt');
    const settings = config?.settings as JwtConfig | undefined;
    const name = (named || settings?.default_role) ?? '';
    const role = await roles.find(tenantId, 'jwt', name.toLowerCase());
    const prove = async () => {
      if (!config || !settings) throw new LoginRefused('not_configured');
      if (!role) throw new LoginRefused('unknown_role');
      const algorithms = settings.jwt_supported_algs.length > 0 ? settings.jwt_supported_algs : foreignAlgorithms;
      const { configId } = config;
      const check = { configId, source: sourceOf(settings), algorithms, issuer: issuerOf(settings), nowMs };
      const claims = await verifyToken(this.#options.keys, jwt, check);
      const missed = missedBound(role.settings as unknown as JwtSettings, claims);
      if (missed !== undefined) throw new LoginRefused(missed);
      if ((role.settings as unknown as JwtSettings).single_use) await this.#useOnce(role, claims);
      // Not who the token is of: that may be a person, and a token here acts as its role.
      return { labels: { displayName: `jwt-${role.name}`, meta: { role: role.name } } };
    };
    return logins.logIn({ loginId: `${tenantId}/jwt/${name}`, role, request, nowMs, prove });
  }

  /** A token that says which it is, by `jti` (RFC 7519 4.1.7), once for each role. The row outlives the token. */
  async #useOnce({ tenantId, roleId }: LoginRole, { iss = '', jti, exp = 0 }: JWTPayload): Promise<void> {
    if (!jti) throw new LoginRefused('no_jti');
    const hash = Buffer.from(blindIndex(this.#options.pepper, 'vault.jti', JSON.stringify([iss, jti])), 'base64url');
    const { rowCount } = await this.#options.query.query(
      `insert into used_logins (tenant_id, role_id, token_hash, expires_at) values ($1, $2, $3, $4) on conflict do nothing`,
      [tenantId, roleId, hash, new Date((exp + 600) * 1_000)],
    );
    if (rowCount !== 1) throw new LoginRefused('replayed');
  }
}

/** Keys found by discovery vouch for their issuer alone. */
const issuerOf = ({ bound_issuer: bound, oidc_discovery_url: url }: JwtConfig): string => bound || url;
