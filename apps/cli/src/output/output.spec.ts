import { describe, expect, it } from '@jest/globals';
import { exitCodeOf, refusedError } from './problem.js';
import { formatFacts, formatTable } from './table.js';
import { formatTime, parseDuration, parseInstant } from './time.js';

describe('a table', () => {
  it('is aligned, marks what is empty and ends no line in blanks', () => {
    expect(
      formatTable(
        ['NAME', 'ROLE'],
        [
          ['ci', 'developer'],
          ['operator', ''],
        ],
        false,
      ),
    ).toBe('NAME      ROLE\nci        developer\noperator  -\n');
  });

  it('shows what a terminal would act on', () => {
    const table = formatTable(['A'], [['x\u001b[31m\n\u202ey\u2028\u009b']], false);
    expect(table).toBe('A\nx\\u001b[31m\\u000a\\u202ey\\u2028\\u009b\n');
    expect(
      formatFacts([
        ['a', '\u0007'],
        ['gone', undefined],
      ]),
    ).toBe('a  \\u0007\n');
  });
});

describe('times', () => {
  it('are local with their offset, or UTC', () => {
    expect(formatTime('2026-11-22T03:04:05.678Z', true)).toBe('2026-11-22T03:04:05Z');
    const local = formatTime('2026-11-22T03:04:05.678Z', false);
    expect(local).toMatch(/^2026-11-2[123]T\d\d:\d\d:05[+-]\d\d:\d\d$/);
    expect(Date.parse(local)).toBe(Date.parse('2026-11-22T03:04:05Z'));
    expect(formatTime('whenever', true)).toBe('whenever');
  });

  it.each([
    ['90d', 7_776_000_000],
    ['12h', 43_200_000],
    ['30m', 1_800_000],
    ['2w', 1_209_600_000],
  ])('%s is %d ms', (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each(['', '0d', '-1d', '1', 'd', '1y', '1.5h', '1234567d'])('"%s" is no duration', (text) =>
    expect(parseDuration(text)).toBeUndefined(),
  );

  it('a moment has an offset', () => {
    expect(parseInstant('2026-11-22T03:04:05+02:00')).toBe('2026-11-22T01:04:05.000Z');
    for (const text of ['2026-11-22', '2026-11-22T03:04:05', 'now', '2026-13-01T00:00:00Z'])
      expect(parseInstant(text)).toBeUndefined();
  });
});

describe('a problem', () => {
  it.each([
    [400, 2],
    [401, 3],
    [403, 4],
    [404, 1],
    [409, 1],
    [412, 1],
    [413, 2],
    [429, 5],
    [500, 5],
    [503, 5],
    [408, 5],
  ])('of status %d ends with %d', (status, exitCode) => expect(exitCodeOf(status)).toBe(exitCode));

  it('is one line: title, detail, fields, code and trace', () => {
    const problem = {
      title: 'The request does not match the schema',
      code: 'validation_failed',
      errors: [{ path: 'body.name', message: 'is wrong' }],
      traceId: 'abc',
    };
    const body = Buffer.from(JSON.stringify(problem));
    const error = refusedError({ status: 400, contentType: 'application/problem+json', body });
    expect(error).toMatchObject({ code: 'validation_failed', exitCode: 2 });
    expect(error.message).toBe(
      'The request does not match the schema: body.name is wrong (validation_failed, trace abc)',
    );
  });

  it('may come from something else in between', () => {
    const html = { status: 502, contentType: 'text/html', body: Buffer.from('<html>') };
    expect(refusedError(html)).toMatchObject({ exitCode: 5, message: 'The server answered 502' });
    expect(refusedError({ ...html, contentType: 'application/json' }).message).toBe('The server answered 502');
  });
});
