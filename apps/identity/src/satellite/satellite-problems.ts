import { defineProblems, type ProblemDefinition } from '@gatehouse/http';
import { defineUniqueness } from '../problems.js';

/** `word` is what the documents of token audiences promise. */
const satelliteProblems = {
  audience_name_taken: { status: 409, title: 'An audience of this name exists in this installation' },
  missing_audience: { status: 400, title: 'The parameter aud is missing', word: 'MISSING_AUDIENCE' },
  audience_not_found: { status: 404, title: 'There is no such audience', word: 'AUDIENCE_NOT_FOUND' },
  audience_inactive: { status: 409, title: 'The audience takes no tokens now', word: 'AUDIENCE_INACTIVE' },
  guest_tokens_off: { status: 403, title: 'This installation gives no tokens to guests', word: 'GUESTS_NOT_ALLOWED' },
  key_not_configured: { status: 503, title: 'No key to sign tokens with is loaded', word: 'KEY_NOT_CONFIGURED' },
  not_an_audience: { status: 403, title: 'Only the service that tokens are for may check them here' },
} as const satisfies Record<string, ProblemDefinition>;

defineProblems(satelliteProblems);
defineUniqueness({ audiences_name: 'audience_name_taken' });
