import { describe, expect, it } from '@jest/globals';
import { allProblems, defineProblems, ProblemError, problemDocument, problemHeaders, unavailable } from './problem.js';

describe('the problem table', () => {
  it('never answers 422, and only statuses of errors', () => {
    const statuses = [...allProblems().values()].map(({ status }) => status);
    expect(statuses).not.toContain(422);
    expect(statuses.every((status) => status >= 400 && status < 600)).toBe(true);
  });

  it('takes the codes of a service, twice the same included', () => {
    const definitions = { key_name_taken: { status: 409, title: 'A key of this name exists' } };
    defineProblems(definitions);
    defineProblems(definitions);
    expect(new ProblemError('key_name_taken')).toMatchObject({ status: 409, title: 'A key of this name exists' });
  });

  it.each([
    ['another meaning of a code', { not_found: { status: 410, title: 'Gone' } }],
    ['status 422', { odd_input: { status: 422, title: 'Odd' } }],
    ['a status that is no error', { fine_really: { status: 200, title: 'Fine' } }],
    ['a code that is not snake case', { 'Not-Snake': { status: 400, title: 'No' } }],
  ])('refuses %s', (_name, definitions) => {
    expect(() => defineProblems(definitions)).toThrow();
  });

  it('refuses a code that nobody defined', () => {
    expect(() => new ProblemError('never_defined')).toThrow('never_defined');
  });
});

describe('a problem document', () => {
  it('has the members of RFC 9457 and ours, and no empty ones', () => {
    const errors = [{ path: 'body.name', message: 'is required' }];
    expect(problemDocument(new ProblemError('validation_failed', 'Two words', { errors }), 'ab'.repeat(16))).toEqual({
      type: 'urn:gatehouse:problem:validation_failed',
      title: 'The request does not match the schema',
      status: 400,
      code: 'validation_failed',
      detail: 'Two words',
      errors,
      traceId: 'ab'.repeat(16),
    });
    expect(Object.keys(problemDocument(new ProblemError('not_found')))).toEqual(['type', 'title', 'status', 'code']);
  });

  it('tells the word that another system documents for it', () => {
    defineProblems({ audience_gone: { status: 404, title: 'Gone', word: 'AUDIENCE_GONE' } });
    expect(problemDocument(new ProblemError('audience_gone'))).toMatchObject({
      code: 'audience_gone',
      error: 'AUDIENCE_GONE',
    });
  });

  it('carries what the caller needs to go on, which never stands in the place of a member of its own', () => {
    const members = { challenge: 'c1', code: 'other', status: 200 };
    const document = problemDocument(new ProblemError('forbidden', undefined, { members }));
    expect(document).toMatchObject({ challenge: 'c1', code: 'forbidden', status: 403 });
  });

  it('keeps its cause out', () => {
    const problem = unavailable('The store cannot be reached', 2, new Error('connect 10.0.0.7:5432'));
    expect(JSON.stringify(problemDocument(problem))).not.toContain('10.0.0.7');
    expect(problem.cause).toBeInstanceOf(Error);
  });

  it.each([
    ['unauthenticated', {}, { 'www-authenticate': 'Bearer' }],
    ['rate_limited', {}, { 'retry-after': '1' }],
    ['unavailable', { retryAfterSeconds: 2.2 }, { 'retry-after': '3' }],
    ['timeout', { retryAfterSeconds: 0 }, { 'retry-after': '1' }],
    [
      'unauthenticated',
      { headers: { 'www-authenticate': 'Bearer error="x"' } },
      { 'www-authenticate': 'Bearer error="x"' },
    ],
    ['forbidden', {}, {}],
  ])('%s with %j carries the headers %j', (code, options, headers) => {
    expect(problemHeaders(new ProblemError(code, undefined, options))).toEqual(headers);
  });
});
