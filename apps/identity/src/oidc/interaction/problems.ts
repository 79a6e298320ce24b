import { defineProblems, type ProblemDefinition } from '@gatehouse/http';

const ownProblems = {
  interaction_over: { status: 404, title: 'There is no such request of a client here: go back to the client' },
  sign_in_too_old: { status: 403, title: 'The client asks for the person to sign in again' },
  tenant_choice_needed: { status: 400, title: 'Say for which tenant' },
  user_code_unknown: { status: 404, title: 'No device waits under this code' },
  device_decided: { status: 409, title: 'This device was approved or denied already' },
  // The same words as where a token is checked (libs/service).
  tenant_needs_second_factor: { status: 403, title: 'The tenant asks for a second factor' },
} as const satisfies Record<string, ProblemDefinition>;

defineProblems(ownProblems);
