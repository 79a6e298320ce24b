import { type AuthenticationFailure, NotAuthenticated } from '@gatehouse/authn';
import { ProblemError, unavailable } from '@gatehouse/http';

export type StatusProfile = 'default' | 'marie';

type Answer = 'unauthenticated' | 'forbidden' | 'unavailable';

/** What each failure answers (docs/compatibility.md). `marie` is the table of the system whose clients expect it. */
export const statusProfiles: Readonly<Record<StatusProfile, Readonly<Record<AuthenticationFailure, Answer>>>> = {
  default: {
    missing: 'unauthenticated',
    scheme: 'unauthenticated',
    malformed: 'unauthenticated',
    unknown: 'unauthenticated',
    disabled: 'unauthenticated',
    expired: 'unauthenticated',
    network: 'unauthenticated',
    not_ready: 'unavailable',
  },
  marie: {
    missing: 'forbidden',
    scheme: 'forbidden',
    malformed: 'forbidden',
    unknown: 'unauthenticated',
    disabled: 'unauthenticated',
    expired: 'unauthenticated',
    network: 'unauthenticated',
    not_ready: 'unavailable',
  },
};

/** One text for every failure of a kind: an answer must not tell an unknown key from a disabled one. */
const details: Readonly<Record<Answer, string>> = {
  unauthenticated: 'Send a valid key or token: Authorization: Bearer ...',
  forbidden: 'Invalid authentication scheme or authorization header',
  unavailable: 'Keys are being loaded',
};

/** Turns a failure to authenticate into the problem that the profile asks for; anything else is passed on. */
export function toProblem(error: unknown, profile: StatusProfile): unknown {
  if (!(error instanceof NotAuthenticated)) return error;
  const answer = statusProfiles[profile][error.failure];
  return answer === 'unavailable'
    ? unavailable(details.unavailable, 1, error)
    : new ProblemError(answer, details[answer], { cause: error });
}
