import { ProblemError } from '@gatehouse/http';
import { describe, expect, it } from '@jest/globals';
import '@gatehouse/service';
import { vaultErrors } from './error-form.js';

const answer = (code: string, detail?: string, options = {}) =>
  vaultErrors.answerOf(new ProblemError(code, detail, options));

describe('errors as Vault tells them', () => {
  it.each([
    ['unauthenticated', 403, ['permission denied']],
    ['forbidden', 403, ['permission denied']],
    ['not_found', 404, []],
    ['conflict', 400, ['why']],
    ['stale_revision', 412, ['why']],
    ['rate_limited', 429, ['why']],
    ['tenant_not_found', 403, ['permission denied']],
    ['unsupported_operation', 405, ['why']],
    ['payload_too_large', 413, ['why']],
    ['unavailable', 503, ['why']],
  ])('%s is %d', (code, status, errors) => expect(answer(code, 'why')).toEqual({ status, body: { errors } }));

  it('names every wrong field', () => {
    const errors = [
      { path: 'body.a', message: 'is missing' },
      { path: 'body.b', message: 'is long' },
    ];
    expect(answer('validation_failed', undefined, { errors }).body).toEqual({
      errors: ['body.a: is missing', 'body.b: is long'],
    });
  });
});
