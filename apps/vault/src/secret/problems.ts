import { defineProblems, ProblemError } from '@gatehouse/http';

defineProblems({
  check_and_set: { status: 412, title: 'The secret is not at the version that the request names' },
  check_and_set_required: { status: 400, title: 'This secret is written with the version that the caller has seen' },
  version_deleted: { status: 404, title: 'This version was deleted or has expired' },
  version_destroyed: { status: 404, title: 'This version was destroyed' },
  reference_ambiguous: { status: 409, title: 'Two secrets have names that differ by letter case only' },
  answer_too_large: { status: 413, title: 'There is no room for it beside the others: it can be read alone' },
  // Ours to answer for: the request was right, and what is stored is not what was written.
  integrity_violation: { status: 500, title: 'The request failed' },
});

/** What the commands on a secret refuse: codes of the table above and of the general one. */
export type SecretRefusal = 'check_and_set' | 'check_and_set_required' | 'not_found' | 'validation_failed';

/** An expected "no" of a decide function. */
export class Refusal extends Error {
  constructor(
    readonly code: SecretRefusal,
    detail?: string,
  ) {
    super(detail ?? `refused: ${code}`);
    this.name = 'Refusal';
  }
}

export const toProblem = (error: unknown): unknown =>
  error instanceof Refusal ? new ProblemError(error.code, error.message) : error;
