import { defineProblems, ProblemError } from '@gatehouse/http';
import type { TargetError, TargetErrorCode } from './target-error.js';

defineProblems({
  database_refused: { status: 400, title: 'The database cannot be used so' },
  database_unavailable: { status: 503, title: 'The database cannot do it now' },
  database_has_leases: { status: 409, title: 'The database has leases or roles that would be lost' },
  credentials_given_already: {
    status: 409,
    title: 'This Idempotency-Key was answered with credentials, which are not kept',
  },
  too_many_leases: { status: 429, title: 'The database has as many leases as it may' },
  rotation_pending: { status: 503, title: 'The password is being changed' },
});

/** What callers are told of each. None repeats a word of the target, so none tells whoever probes what stands there. */
const details: Readonly<Partial<Record<TargetErrorCode, string>>> = {
  address_refused: 'Its address is not one that this installation connects to',
  sslmode_refused: 'Its sslmode is weaker than this installation demands',
  login_refused: 'It does not let the vault log in',
  own_server: "It is the server of the vault's own tables",
  other_server: 'Another server stands under its address: write its configuration again',
  standby: 'It is a standby',
  busy: 'It has no room for another connection',
  unreachable: 'It does not answer, or not with the encryption that was asked for',
  role_missing: 'It has no such role',
  role_not_made: 'The creation statements make no role of the name {{name}}',
};

/** Whether another attempt may help without anybody changing anything. */
const passing: ReadonlySet<TargetErrorCode> = new Set([
  'unreachable',
  'busy',
  'standby',
  'other_server',
  'login_refused',
]);

/** @param configuring the caller is setting the database up: what is wrong is then his request */
export function targetProblem(error: TargetError, configuring = false): ProblemError {
  const state = error.code.startsWith('sqlstate_')
    ? `It refused a statement (SQLSTATE ${error.code.slice(9)})`
    : undefined;
  const detail = details[error.code] ?? state ?? 'It failed';
  const code = passing.has(error.code) && !configuring ? 'database_unavailable' : 'database_refused';
  return new ProblemError(code, detail, code === 'database_unavailable' ? { retryAfterSeconds: 5 } : {});
}
