import { defineProblems } from '@gatehouse/http';
import { defineUniqueness } from '../problems.js';
import { Refusal } from '../refusal.js';

const problems = {
  idp_discovery_failed: { status: 400, title: 'The issuer does not answer as an OpenID provider of this address' },
  idp_issuer_refused: { status: 400, title: 'An issuer has a public https address' },
  idp_audience_refused: { status: 400, title: 'API tokens have an audience of their own, not the client' },
  federation_sign_in_invalid: { status: 401, title: 'This sign-in is over, was used, or began in another browser' },
  idp_role_refused: { status: 403, title: 'The caller may not have this role given' },
  federation_refused: { status: 403, title: 'The provider does not let this person in here' },
  idp_name_taken: { status: 409, title: 'The tenant has an identity provider of this name' },
  idp_already_configured: { status: 409, title: 'The tenant has this issuer with this client already' },
  idp_too_many: { status: 409, title: 'The tenant has as many identity providers as it may have' },
  idp_needs_organization: { status: 409, title: 'A personal workspace has one member and no identity provider' },
  federation_decided: { status: 409, title: 'This request was decided the other way' },
  federation_busy: { status: 429, title: 'Too many sign-ins or requests are waiting in this tenant' },
} as const;

export type FederationRefusal = keyof typeof problems | 'not_found';

defineProblems(problems);
defineUniqueness({
  idps_name: 'idp_name_taken',
  idps_issuer: 'idp_already_configured',
  idp_links_person: 'federation_refused',
  federation_requests_subject: 'federation_refused',
});

/** An expected "no" of this area. @param cause what really happened: for the log only */
export function refusal(code: FederationRefusal, cause?: unknown): Refusal<FederationRefusal> {
  const refused = new Refusal(code);
  refused.cause = cause;
  return refused;
}
