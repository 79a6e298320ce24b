import { defineProblems, ProblemError } from '@gatehouse/http';
import { Refusal } from './refusal.js';

defineProblems({
  policy_invalid: { status: 400, title: 'The policy has errors' },
  policy_too_large: { status: 400, title: 'A policy has at most 1 MiB of text' },
  policy_tests_failed: { status: 409, title: 'Test cases of the policy fail' },
  policy_not_activatable: { status: 409, title: 'The version has errors by what is known today' },
  policy_unavailable: { status: 503, title: 'The policy of this tenant cannot be read now' },
  nothing_to_roll_back: { status: 409, title: 'Nothing was active before' },
  too_many_requests_open: { status: 409, title: 'Too many requests wait for approval: reject one' },
  too_many_drafts: { status: 409, title: 'Too many versions were drafted lately and never activated' },
  request_void: { status: 409, title: 'Another version or setting came into force since this was requested' },
  request_closed: { status: 409, title: 'The request was approved or rejected before' },
  request_expired: { status: 409, title: 'The request is older than seven days' },
  own_request: { status: 403, title: 'Somebody else has to approve' },
  approver_not_a_person: { status: 403, title: 'Only a person can approve' },
});

/** Runs a command and turns what the domain refuses into problem documents; everything else passes as it is. */
export async function answering<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Refusal) throw new ProblemError(error.code, undefined, { cause: error });
    throw error;
  }
}
