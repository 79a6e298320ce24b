import { defineProblems, type ProblemDefinition } from '@gatehouse/http';

const loginProblems = {
  // One answer to every login that opens nothing: whether there is such a role is nobody's business.
  login_failed: { status: 400, title: 'Invalid role, credential or address' },
  login_rate_limited: { status: 429, title: 'Too many failed logins from this address' },
  login_not_configured: { status: 400, title: 'The tenant has not configured this login' },
  login_role_taken: { status: 409, title: 'Another role of the tenant has this role id' },
  secret_id_taken: { status: 409, title: 'The role has this secret id already' },
  too_many_login_roles: { status: 409, title: 'The tenant has as many roles as it can have' },
  too_many_secret_ids: { status: 409, title: 'The role has as many secret ids as it can have' },
} as const satisfies Record<string, ProblemDefinition>;

defineProblems(loginProblems);
