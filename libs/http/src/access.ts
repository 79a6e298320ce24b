import type { HttpRequest } from './request.js';

/** Who calls. Bearer families add their own fields (key id, scopes). */
export interface Principal {
  readonly type: string;
  readonly id: string;
  readonly tenantId: string;
  /** Action patterns of the credential; absent: all that the principal may. */
  readonly scopes?: readonly string[];
  /** The credential opens this tenant only, though the person may have others. */
  readonly tenantFixed?: true;
}

/**
 * Finds out who calls, from the request's headers.
 *
 * @throws ProblemError `unauthenticated`, or what the status profile asks for. A value returned at once, without a
 *   promise, keeps the hot path synchronous
 */
export type Authenticate = (request: HttpRequest) => Principal | Promise<Principal>;

/** The answer to "may it?". The id joins whatever the handler does to the recorded decision. */
export type AccessDecision =
  | { readonly allowed: true; readonly decisionId?: string | undefined }
  | { readonly allowed: false; readonly decisionId?: string | undefined; readonly reason?: string | undefined };

/** What is recorded with a decision beyond the question: the version of the secret that is to be read. No rule reads it. */
export type Noted = Readonly<Record<string, string | number | boolean>>;

/**
 * Asks whether a principal may do an action on a resource.
 *
 * @throws anything when the question cannot be answered: the request fails, it is never let in
 */
export type Authorize = (
  principal: Principal,
  action: string,
  resource: string,
  request: HttpRequest,
  noted?: Noted,
  /** Whether the same was allowed before, and still is: no rate limit counts it twice. */
  again?: boolean,
) => AccessDecision | Promise<AccessDecision>;

/** Injection tokens under which a service provides the two functions. */
export const AUTHENTICATE = Symbol('gatehouse.authenticate');
export const AUTHORIZE = Symbol('gatehouse.authorize');

/** Who may call a route. There is no default: a route without one is refused. */
export type Access =
  /** Anybody, without credentials. */
  | { readonly kind: 'public' }
  /**
   * Anybody who is known; the handler decides the rest. A credential with scopes needs `self.read` (GET) or `self.write`
   * in them, unless `anyScope`. `withoutSecondFactor`: open to who still lacks the second factor that a tenant asks for.
   */
  | { readonly kind: 'authenticated'; readonly anyScope?: true; readonly withoutSecondFactor?: true }
  /** Who is allowed this action on this resource (`type/name`), asked before the handler runs. */
  | {
      readonly kind: 'action';
      readonly action: string;
      readonly resource: string | ((request: HttpRequest) => string);
    }
  /** Anybody who reaches the service's own port: the gateway does not route these. */
  | { readonly kind: 'internal' };
