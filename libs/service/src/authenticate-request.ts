import { type Credentials, isInScope, NotAuthenticated, type Principal } from '@gatehouse/authn';
import type { Authenticate, HttpRequest } from '@gatehouse/http';
import type { Platform } from './platform.js';
import { toProblem } from './status-profile.js';

/** Whom a request comes from. @throws NotAuthenticated */
export type Recognise = (request: HttpRequest, now: number) => Principal | Promise<Principal>;

/**
 * How requests of a service are authenticated, and what a failure answers there.
 *
 * @param recognise for routes that take credentials in another way than by `Authorization` and `X-Tenant-ID`
 */
export function authenticateFor(
  platform: Platform,
  recognise: Recognise = (request, now) => platform.authenticate(credentialsOf(request), now),
): Authenticate {
  const profile = platform.settings.AUTH_STATUS_PROFILE;
  const { observations } = platform;
  const explain = (error: unknown, ip: string, now: number): never => {
    if (error instanceof NotAuthenticated) observations.refused(error, ip, now);
    throw toProblem(error, profile);
  };
  // Stays synchronous for keys: a promise per request would cost more than the look-up itself.
  return (request) => {
    const [{ ip }, now] = [request, Date.now()];
    const letIn = (principal: Principal): Principal => {
      refuseBeyondScopes(principal, request);
      if (principal.keyId !== undefined) observations.used(principal.keyId, ip, now);
      return principal;
    };
    try {
      const found = recognise(request, now);
      return found instanceof Promise ? found.then(letIn).catch((error) => explain(error, ip, now)) : letIn(found);
    } catch (error) {
      return explain(error, ip, now);
    }
  };
}

export const credentialsOf = (request: HttpRequest): Credentials => {
  const { headers, ip, route } = request;
  const access = route?.access;
  return {
    authorization: headers.authorization,
    ip,
    ...(typeof headers.dpop === 'string' && {
      dpop: { proof: headers.dpop, method: request.method, path: request.url.split('?', 1)[0] ?? '' },
    }),
    tenantId: textOf(headers['x-tenant-id']),
    tenantName: textOf(headers['x-tenant-name']),
    withoutSecondFactor: access?.kind === 'authenticated' && access.withoutSecondFactor,
  };
};

/** Sent twice is a list, which names no tenant there is. */
const textOf = (header: string | readonly string[] | undefined): string | undefined =>
  typeof header === 'object' ? header.join(', ') : header;

/**
 * Policy weighs the scopes of every action it is asked about. Routes that ask nothing are the caller's own affairs, so
 * they take the scopes `self.read` and `self.write`: a key that is limited to something else must not reach them. Nor does
 * a token that one tenant's provider stands for alone: what a person has beyond that tenant is none of its business.
 */
function refuseBeyondScopes(principal: Principal, { method, route }: HttpRequest): void {
  const access = route?.access;
  if (access?.kind !== 'authenticated' || access.anyScope) return;
  if (principal.scopes === undefined) {
    if (principal.tenantFixed) throw new NotAuthenticated('out_of_scope', principal);
    return;
  }
  const action = method === 'GET' || method === 'HEAD' ? 'self.read' : 'self.write';
  if (!isInScope(principal.scopes, action)) throw new NotAuthenticated('out_of_scope', principal);
}
