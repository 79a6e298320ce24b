import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConflictException, Controller } from '@nestjs/common';
import { z } from 'zod';
import { ProblemError } from './problem.js';
import { defineRoute, Input, Route } from './route.js';
import type { InputOf } from './route-input.js';
import { readProblem, sendRaw, startTestApp, type TestApp } from './test-app.js';

const access = { kind: 'public' } as const;
const make = defineRoute({
  method: 'POST',
  path: '/things/:id',
  access,
  summary: 'Makes a thing',
  body: z.object({ name: z.string() }),
  params: z.object({ id: z.string() }),
});
const small = defineRoute({ ...make, path: '/small/:id', bodyLimitBytes: 64 });
const fail = defineRoute({
  method: 'GET',
  path: '/fail/:how',
  access,
  summary: 'Fails',
  params: z.object({ how: z.string() }),
});

class StaleStream extends Error {}

const FAILURES: Record<string, () => unknown> = {
  error: () => {
    throw new Error('password of db.internal is hunter2');
  },
  rejection: async () => Promise.reject(new TypeError('x is not a function')),
  domain: () => {
    throw new StaleStream('stream key-7 is at 12');
  },
  nest: () => {
    throw new ConflictException('SELECT * FROM keys');
  },
  nothing: () => {
    throw undefined;
  },
  problem: () => {
    throw new ProblemError('conflict', 'The key is already disabled');
  },
};

@Controller()
class Things {
  @Route(make) make(@Input() { body }: InputOf<typeof make>) {
    return body;
  }

  @Route(small) small() {
    return {};
  }

  @Route(fail) fail(@Input() { params }: InputOf<typeof fail>) {
    return FAILURES[params.how]?.();
  }
}

let test: TestApp;

beforeAll(async () => {
  test = await startTestApp({
    controllers: [Things],
    maxHeaderBytes: 4096,
    mapError: (error) =>
      error instanceof StaleStream ? new ProblemError('stale_revision', undefined, { cause: error }) : undefined,
  });
});
afterAll(() => test.close());

const JSON_TYPE = { 'content-type': 'application/json' };

describe('what Fastify refuses is a problem document', () => {
  const cases: [string, string, RequestInit, number, string][] = [
    ['broken JSON', '/things/1', { method: 'POST', headers: JSON_TYPE, body: '{"name":' }, 400, 'malformed_body'],
    ['an empty JSON body', '/things/1', { method: 'POST', headers: JSON_TYPE, body: '' }, 400, 'malformed_body'],
    [
      'a poisoned prototype',
      '/things/1',
      { method: 'POST', headers: JSON_TYPE, body: '{"__proto__":{"a":1}}' },
      400,
      'malformed_body',
    ],
    [
      'text',
      '/things/1',
      { method: 'POST', headers: { 'content-type': 'text/plain' }, body: '{}' },
      400,
      'unsupported_media_type',
    ],
    ['a form', '/things/1', { method: 'POST', body: new URLSearchParams({ a: '1' }) }, 400, 'unsupported_media_type'],
    [
      'a body over the limit',
      '/things/1',
      { method: 'POST', headers: JSON_TYPE, body: JSON.stringify({ name: 'x'.repeat(256 * 1024) }) },
      413,
      'payload_too_large',
    ],
    [
      'a body over the limit of its route',
      '/small/1',
      { method: 'POST', headers: JSON_TYPE, body: JSON.stringify({ name: 'x'.repeat(64) }) },
      413,
      'payload_too_large',
    ],
    ['an unknown route', '/nowhere', {}, 404, 'not_found'],
    ['a wrong method', '/things/1', { method: 'DELETE' }, 404, 'not_found'],
    ['a broken escape in the address', '/things/%zz', {}, 400, 'malformed_request'],
    ['a parameter that is too long', `/fail/${'x'.repeat(600)}`, {}, 414, 'uri_too_long'],
  ];

  it.each(cases)('%s', async (_name, path, init, status, code) => {
    const response = await fetch(test.url + path, init);
    const problem = await readProblem(response);
    expect([response.status, problem.code]).toEqual([status, code]);
    expect(problem.traceId).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe('what never becomes a request is a problem document on the socket', () => {
  it.each([
    ['malformed HTTP', 'GET /things HTTP/9.9\r\n\r\n', 400, 'malformed_request'],
    [
      'headers over the limit',
      `GET / HTTP/1.1\r\nhost: x\r\nx-long: ${'y'.repeat(8192)}\r\n\r\n`,
      431,
      'headers_too_large',
    ],
  ])('%s', async (_name, text, status, code) => {
    const answer = await sendRaw(test.port, text);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toMatch(/content-type: application\/problem\+json/i);
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4))).toMatchObject({ status, code });
  });
});

describe('what a handler throws', () => {
  it.each([
    ['error', 500, 'internal'],
    ['rejection', 500, 'internal'],
    ['nothing', 500, 'internal'],
    ['domain', 412, 'stale_revision'],
    ['nest', 409, 'conflict'],
    ['problem', 409, 'conflict'],
  ])('%s answers %i %s and keeps its text inside', async (how, status, code) => {
    const response = await fetch(`${test.url}/fail/${how}`);
    const problem = await readProblem(response);
    expect([response.status, problem.code]).toEqual([status, code]);
    expect(JSON.stringify(problem)).not.toMatch(/hunter2|db\.internal|not a function|key-7|SELECT/);
  });

  it('has its public detail when it is a problem', async () => {
    const problem = await readProblem(await fetch(`${test.url}/fail/problem`));
    expect(problem.detail).toBe('The key is already disabled');
  });

  it('is in the log under the trace id the caller got', async () => {
    const { traceId } = await readProblem(await fetch(`${test.url}/fail/rejection`));
    const line = test.lines.find((text) => text.includes(traceId ?? 'none') && text.includes('"level":"error"'));
    expect(JSON.parse(line ?? '{}')).toMatchObject({ code: 'internal', err: { message: 'x is not a function' } });
  });
});
