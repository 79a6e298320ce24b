import { defineProblems, type ProblemDefinition } from '@gatehouse/http';

const tokenProblems = {
  token_scopes_too_wide: { status: 403, title: 'A token has no scope that its maker lacks' },
  token_parent_ended: { status: 403, title: 'What the token was to be made with is over' },
  token_parent_counted: { status: 403, title: 'A token with bounded uses makes no others' },
  token_too_deep: { status: 400, title: 'Too many tokens were made one with another' },
  token_not_renewable: { status: 400, title: 'The token cannot be renewed' },
  token_unknown: { status: 403, title: 'There is no such token' },
  too_many_tokens: { status: 429, title: 'The tenant has as many tokens as it can have' },
} as const satisfies Record<string, ProblemDefinition>;

defineProblems(tokenProblems);
