import { clientPrincipalId } from '@gatehouse/contracts';
import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import type { People } from '../../person/people.service.js';
import type { Memberships } from '../../tenancy/memberships.service.js';
import type { ClientFacts } from '../client/client.js';
import { within } from '../grant/action-patterns.js';
import type { Grants } from '../grant/grants.service.js';

export interface TokenClaimsParts {
  readonly grants: Grants;
  readonly people: People;
  readonly memberships: Memberships;
}

/** The parts of the provider's two access token models that count here. */
export interface AccessTokenFacts {
  readonly kind: string;
  readonly scope?: string | undefined;
  readonly grantId?: string | undefined;
}

interface GrantSource {
  readonly amr?: readonly string[];
  readonly authTime?: number;
}

/** Our facts of a client, which the provider carries along. */
export const factsOf = (client: unknown): ClientFacts => (client as { gatehouse: ClientFacts }).gatehouse;

/**
 * What our access tokens say beyond RFC 9068: so much that every service can decide alone. Asked at each issue, so a
 * person who left the tenant gets no further token, whatever refresh token is shown.
 */
export class TokenClaims {
  readonly #parts: TokenClaimsParts;

  constructor(parts: TokenClaimsParts) {
    this.#parts = parts;
  }

  of(ctx: KoaContextWithOIDC, token: AccessTokenFacts): Promise<Record<string, unknown>> {
    const client = factsOf(ctx.oidc.client);
    const permissions = within(client.permissions, token.scope?.split(' ') ?? []);
    if (token.kind === 'ClientCredentials') return this.#ofService(client, permissions);
    return this.#ofPerson(ctx, token.grantId ?? '', permissions);
  }

  async #ofService(client: ClientFacts, permissions: readonly string[]) {
    const name = await this.#parts.memberships.nameOf(client.tenantId);
    if (name === undefined) throw new errors.InvalidClient('the tenant is closed');
    // `sid` is how services hear of the end of a client, as they do of the end of a grant.
    return { tenant: client.tenantId, tenant_name: name, principal: 'service', sid: client.clientId, permissions };
  }

  async #ofPerson(ctx: KoaContextWithOIDC, grantId: string, permissions: readonly string[]) {
    const { grants, people, memberships } = this.#parts;
    const grant = await grants.find(grantId);
    const membership = grant && (await memberships.of(grant.tenantId, grant.userId));
    const person = grant && (await people.byId(grant.userId));
    if (!grant || !membership || person?.status !== 'active') throw new errors.InvalidGrant('the grant is over');
    const { email } = grant.scopes.has('email') ? await people.profileOf(person) : {};
    const { amr, authTime } = sourceOf(ctx);
    return {
      tenant: grant.tenantId,
      tenant_name: membership.name,
      sid: grantId,
      permissions,
      ...(email !== undefined && { email }),
      ...(amr && { amr }),
      ...(authTime !== undefined && { auth_time: authTime }),
    };
  }
}

/** `sub` of a service's own tokens. */
export const serviceSubject = (client: ClientFacts): string => clientPrincipalId(client.name);

/** The code or token that is being redeemed. */
function sourceOf({ oidc }: KoaContextWithOIDC): GrantSource {
  const { AuthorizationCode, RefreshToken, DeviceCode } = oidc.entities;
  return (AuthorizationCode ?? DeviceCode ?? RefreshToken ?? {}) as GrantSource;
}

/**
 * The scopes of the API that a request may get: what was asked for, now or when the code was made, within what the
 * client is registered for. The library compares scopes as texts, so the list is made for each request.
 */
export function apiScopes({ oidc }: KoaContextWithOIDC, client: ClientFacts): string {
  const { AuthorizationCode, RefreshToken, DeviceCode } = oidc.entities as Record<
    string,
    { scope?: string } | undefined
  >;
  const asked = [oidc.params?.scope, AuthorizationCode?.scope, RefreshToken?.scope, DeviceCode?.scope];
  const words = asked.flatMap((scope) => (typeof scope === 'string' ? scope.split(' ') : []));
  return within(
    client.permissions,
    words.filter((word) => !openIdScopes.has(word)),
  ).join(' ');
}

export const openIdScopes: ReadonlySet<string> = new Set(['openid', 'email', 'profile', 'offline_access']);
