import { defineProblems, type ProblemDefinition } from '@gatehouse/http';
import type { AccountRefusal } from './account-refusal.js';

/** One text for all that is wrong with a sign-in or a link: which part it was is the caller's to know already. */
const accountProblems = {
  sign_in_refused: { status: 401, title: 'The e-mail address or the password is not right' },
  second_factor_required: { status: 401, title: 'The sign-in needs a second factor' },
  challenge_invalid: { status: 401, title: 'The sign-in is over, has expired or was tried too often: begin again' },
  refresh_refused: { status: 401, title: 'The refresh token is not valid' },
  link_invalid: { status: 401, title: 'The link or the password is not right, or the link is over' },
  tenant_not_selectable: { status: 403, title: 'The person is not a member of this tenant' },
  registration_closed: { status: 403, title: 'Nobody can register here without an invitation' },
  password_wrong: { status: 403, title: 'The current password is not right' },
  cross_site_refused: { status: 403, title: 'A request with a cookie needs the header X-Gatehouse-Request' },
  tenant_name_taken: { status: 409, title: 'There is a tenant of this name' },
  sign_in_delayed: { status: 429, title: 'Too many attempts: wait, or sign in from where you did before' },
} as const satisfies Record<AccountRefusal | (string & {}), ProblemDefinition>;

defineProblems(accountProblems);
