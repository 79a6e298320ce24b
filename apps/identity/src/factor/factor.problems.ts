import { defineProblems, type ProblemDefinition } from '@gatehouse/http';
import { defineUniqueness } from '../problems.js';
import type { FactorRefusal } from './factor-refusal.js';

const problems: Record<FactorRefusal, ProblemDefinition> = {
  second_factor_failed: { status: 401, title: 'The second factor was not accepted' },
  totp_exists: { status: 409, title: 'There is an authenticator app already: remove it first' },
  totp_not_begun: { status: 409, title: 'The enrolment was not begun, or has taken too long: begin again' },
  totp_code_wrong: { status: 400, title: 'The code is not the one that the app should show now' },
  passkey_not_accepted: { status: 400, title: 'The passkey was not accepted' },
  passkey_known: { status: 409, title: 'This passkey is registered already' },
  too_many_passkeys: { status: 409, title: 'There are 20 passkeys already: remove one first' },
  factor_not_found: { status: 404, title: 'There is no such second factor' },
  last_factor: { status: 409, title: 'A tenant of yours demands a second factor, and this is the last one' },
  no_factor: { status: 409, title: 'There is no second factor that recovery codes could stand in for' },
  already_enrolled: { status: 409, title: 'There is a second factor already: sign in with it' },
  fresh_proof_required: { status: 403, title: 'Prove again that it is you: this sign-in is too old' },
};

defineProblems(problems);
defineUniqueness({ factors_lookup: 'passkey_known', factors_totp: 'totp_exists' });
