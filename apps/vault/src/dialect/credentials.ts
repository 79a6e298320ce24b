import { type Credentials, NotAuthenticated, type Principal } from '@gatehouse/authn';
import type { Authenticate, HttpRequest } from '@gatehouse/http';
import { authenticateFor, credentialsOf, type Platform } from '@gatehouse/service';

/** Injection token of how callers of the dialect are found. */
export const DIALECT_AUTHENTICATE = Symbol('DIALECT_AUTHENTICATE');

/** Injection token of the tokens that the vault itself gives; without it there are none. */
export const TOKEN_DIRECTORY = Symbol('TOKEN_DIRECTORY');

/** The tokens that the vault gives: by a login, or by `auth/token/create`. */
export interface TokenDirectory {
  /**
   * Whom a token acts as, in the tenant it was made in; undefined for a text that has not the form of such a token.
   *
   * @param now Unix time in milliseconds
   * @throws NotAuthenticated for one that is unknown, revoked, used up or expired
   */
  principalOf(token: string, ip: string, now: number): Principal | undefined | Promise<Principal | undefined>;
}

/** The credential of a request: `X-Vault-Token`, or `Authorization: Bearer`. Undefined when it sends neither. */
export function tokenOf({ headers }: Pick<HttpRequest, 'headers'>): string | undefined {
  const own = headers['x-vault-token'];
  if (own !== undefined && own !== '') return String(own);
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
}

/**
 * The credentials of a request as our own routes take them: any key or token of ours in `X-Vault-Token`, and the tenant
 * in `X-Vault-Namespace`. Two headers that name two tenants are refused.
 */
export function vaultCredentials(request: HttpRequest): Credentials {
  const sent = credentialsOf(request);
  const token = tokenOf(request);
  const [tenantId, tenantName] = new Set(
    [sent.tenantId, sent.tenantName, namespaceOf(request)].filter((text) => text !== undefined),
  );
  return { ...sent, authorization: token === undefined ? sent.authorization : `Bearer ${token}`, tenantId, tenantName };
}

/** The tenant that `X-Vault-Namespace` names, which may end in a slash; `root` and nothing are the credential's own. */
export function namespaceOf({ headers }: Pick<HttpRequest, 'headers'>): string | undefined {
  const name = String(headers['x-vault-namespace'] ?? '').replace(/^\/|\/$/g, '');
  return name === '' || name === 'root' ? undefined : name;
}

/** Finds callers of the dialect: by a token of the vault, or by a key or token of ours. */
export function dialectAuthenticator(platform: Platform, tokens: TokenDirectory | undefined): Authenticate {
  const ofOurs = (request: HttpRequest, now: number) => platform.authenticate(vaultCredentials(request), now);
  return authenticateFor(platform, (request, now) => {
    const token = tokenOf(request);
    const found = token === undefined ? undefined : tokens?.principalOf(token, request.ip, now);
    const conclude = (principal: Principal | undefined) =>
      principal ? inItsTenant(principal, vaultCredentials(request)) : ofOurs(request, now);
    return found instanceof Promise ? found.then(conclude) : conclude(found);
  });
}

/** A token opens the tenant it was made in, and no other. */
function inItsTenant(principal: Principal, { tenantId, tenantName }: Credentials): Principal {
  if (tenantName !== undefined) throw new NotAuthenticated('tenant_ambiguous', principal);
  if (tenantId !== undefined && tenantId !== principal.tenantId) throw new NotAuthenticated('not_member', principal);
  return principal;
}
