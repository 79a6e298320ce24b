import { type AuthenticationFailure, NotAuthenticated } from '@gatehouse/authn';
import { defineProblems, ProblemError, unavailable } from '@gatehouse/http';

export type StatusProfile = 'default' | 'marie';

defineProblems({
  tenant_headers_differ: { status: 400, title: 'X-Tenant-ID and X-Tenant-Name name two tenants' },
  tenant_not_found: { status: 404, title: 'There is no such tenant' },
  not_a_member: { status: 403, title: 'The caller does not belong to the tenant' },
  tenant_needs_second_factor: { status: 403, title: 'The tenant asks for a second factor' },
  out_of_scope: { status: 403, title: 'The credential does not reach this far' },
});

type Answer =
  | 'unauthenticated'
  | 'forbidden'
  | 'unavailable'
  | 'tenant_headers_differ'
  | 'tenant_not_found'
  | 'not_a_member'
  | 'tenant_needs_second_factor'
  | 'out_of_scope';

/** The caller is known and the tenant is the question: the same in every profile. */
const afterRecognition = {
  tenant_ambiguous: 'tenant_headers_differ',
  tenant_unknown: 'tenant_not_found',
  not_member: 'not_a_member',
  second_factor: 'tenant_needs_second_factor',
  out_of_scope: 'out_of_scope',
  not_ready: 'unavailable',
} as const;

/** What each failure answers (docs/compatibility.md). `marie` is the table of the system whose clients expect it. */
export const statusProfiles: Readonly<Record<StatusProfile, Readonly<Record<AuthenticationFailure, Answer>>>> = {
  default: {
    missing: 'unauthenticated',
    scheme: 'unauthenticated',
    malformed: 'unauthenticated',
    unknown: 'unauthenticated',
    disabled: 'unauthenticated',
    expired: 'unauthenticated',
    rotated: 'unauthenticated',
    network: 'unauthenticated',
    ended: 'unauthenticated',
    ...afterRecognition,
  },
  marie: {
    missing: 'forbidden',
    scheme: 'forbidden',
    malformed: 'forbidden',
    unknown: 'unauthenticated',
    disabled: 'unauthenticated',
    expired: 'unauthenticated',
    rotated: 'unauthenticated',
    network: 'unauthenticated',
    ended: 'unauthenticated',
    ...afterRecognition,
  },
};

/** One text for every failure of a kind: an answer must not tell an unknown key from a disabled one. */
const details: Readonly<Record<Answer, string>> = {
  unauthenticated: 'Send a valid key or token: Authorization: Bearer ...',
  forbidden: 'Invalid authentication scheme or authorization header',
  unavailable: 'Keys are being loaded',
  tenant_headers_differ: 'Send one of the two headers, or the same tenant in both',
  tenant_not_found: 'There is no such tenant: the headers name it by its id',
  not_a_member: 'The credential is good, and its owner does not belong to this tenant',
  tenant_needs_second_factor: 'Sign in again with a second factor; without one, add it to your account first',
  out_of_scope: 'The scopes of this key or token do not include this',
};

/** Turns a failure to authenticate into the problem that the profile asks for; anything else is passed on. */
export function toProblem(error: unknown, profile: StatusProfile): unknown {
  if (!(error instanceof NotAuthenticated)) return error;
  const answer = statusProfiles[profile][error.failure];
  return answer === 'unavailable'
    ? unavailable(details.unavailable, 1, error)
    : new ProblemError(answer, details[answer], { cause: error });
}
