/** What a decision point says of itself: AuthZEN 1.0, 9.1, and its profile for obligations. */
export interface Metadata {
  readonly policy_decision_point: string;
  readonly access_evaluation_endpoint: string;
  readonly access_evaluations_endpoint: string;
  readonly search_subject_endpoint: string;
  readonly search_resource_endpoint: string;
  readonly search_action_endpoint: string;
  readonly capabilities: readonly string[];
  readonly obligations_supported: readonly string[];
  readonly supported_obligations: readonly string[];
  readonly jwks_uri?: string;
}

/** Of AuthZEN's registry; `custom` is whatever a tenant agrees on with its enforcement points. */
export const obligationTypes = ['step-up', 'notification', 'session_termination', 'custom'] as const;

/** AuthZEN's registry of capabilities is empty: these are names of our own. */
export const capabilities = [
  'urn:gatehouse:authzen:capability:obligations',
  'urn:gatehouse:authzen:capability:search-pagination',
  'urn:gatehouse:authzen:capability:as-of',
  'urn:gatehouse:authzen:capability:recorded-decisions',
] as const;

export const keysPath = '/api/v1/policy/jwks.json';

/** Where developers try things, as with identity's issuer. */
const loopbacks: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * The address under which everybody reaches us.
 *
 * @throws Error for an address that no identifier of a decision point may be
 */
export function originOf(publicUrl: string): string {
  const { protocol, origin, hostname, pathname, search, hash } = new URL(publicUrl);
  if (protocol !== 'https:' && !loopbacks.has(hostname)) throw new Error('PUBLIC_URL must begin with https://');
  if (pathname !== '/' || search !== '' || hash !== '') throw new Error('PUBLIC_URL is an address without a path');
  return origin;
}

/**
 * The identifier into whose middle the well-known part was put, so that no other document can be passed off as this one.
 * Ids of tenants are what a URL leaves as it is.
 */
export const pointOf = (origin: string, tenantId?: string): string =>
  tenantId === undefined ? origin : `${origin}/${tenantId}`;

/**
 * The endpoints are the same for all tenants: the caller's key says which one it is. That is also why nothing has to be
 * looked up here, and nobody learns which tenants exist.
 */
export function metadataOf(origin: string, tenantId: string | undefined, signed: boolean): Metadata {
  return {
    policy_decision_point: pointOf(origin, tenantId),
    access_evaluation_endpoint: `${origin}/access/v1/evaluation`,
    access_evaluations_endpoint: `${origin}/access/v1/evaluations`,
    search_subject_endpoint: `${origin}/access/v1/search/subject`,
    search_resource_endpoint: `${origin}/access/v1/search/resource`,
    search_action_endpoint: `${origin}/access/v1/search/action`,
    capabilities,
    // Both names: the profile's drafts changed from one to the other.
    obligations_supported: obligationTypes,
    supported_obligations: obligationTypes,
    ...(signed && { jwks_uri: `${origin}${keysPath}` }),
  };
}
