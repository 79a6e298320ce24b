import { defineProblems } from '@gatehouse/http';
import { defineUniqueness } from '../problems.js';
import { Refusal } from '../refusal.js';

const problems = {
  idp_discovery_failed: { status: 400, title: 'The issuer does not answer as an OpenID provider of this address' },
  idp_issuer_refused: { status: 400, title: 'An issuer has a public https address' },
  idp_role_refused: { status: 403, title: 'The caller may not have this role given' },
  idp_name_taken: { status: 409, title: 'The tenant has an identity provider of this name' },
  idp_already_configured: { status: 409, title: 'The tenant has this issuer with this client already' },
  idp_too_many: { status: 409, title: 'The tenant has as many identity providers as it may have' },
} as const;

export type FederationRefusal = keyof typeof problems | 'not_found';

defineProblems(problems);
defineUniqueness({ idps_name: 'idp_name_taken', idps_issuer: 'idp_already_configured' });

/** An expected "no" of this area. @param cause what really happened: for the log only */
export function refusal(code: FederationRefusal, cause?: unknown): Refusal<FederationRefusal> {
  const refused = new Refusal(code);
  refused.cause = cause;
  return refused;
}
