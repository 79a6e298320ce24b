import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Req } from '@nestjs/common';
import { z } from 'zod';
import type { HttpRequest } from './request.js';
import { defineRoute, Route } from './route.js';
import { startTestApp, type TestApp, until } from './test-app.js';

const CANARY = `mas_${'Canary0123456789'.repeat(4).slice(0, 53)}A`;
const access = { kind: 'public' } as const;
const take = defineRoute({
  method: 'POST',
  path: '/take',
  access,
  summary: 'Takes a key',
  body: z.looseObject({ api_key: z.string().max(10) }),
});
const leak = defineRoute({ method: 'GET', path: '/leak', access, summary: 'Fails with the key in its text' });
const keys = defineRoute({ method: 'GET', path: '/keys/:id', access, summary: 'Has the key in its address' });

@Controller()
class Leaks {
  @Route(take) take() {
    return {};
  }

  @Route(leak) leak(@Req() request: HttpRequest) {
    const cause = Object.assign(new Error(`no key ${request.headers.authorization}`), { query: request.headers });
    throw new Error(`cannot use ${request.headers.authorization}`, { cause });
  }

  @Route(keys) keys() {
    return {};
  }
}

let test: TestApp;

beforeAll(async () => {
  test = await startTestApp({
    controllers: [Leaks],
    authenticate: (request) => {
      throw new Error(`unknown key ${request.headers.authorization}`);
    },
  });
});
afterAll(() => test.close());

const headers = { authorization: `Bearer ${CANARY}`, cookie: `session=${CANARY}`, 'x-request-id': CANARY };
const json = { ...headers, 'content-type': 'application/json' };

describe('a key sent by a caller never reaches the log', () => {
  const places: [string, string, RequestInit][] = [
    ['headers', '/leak', { headers }],
    ['a header of an unknown route', '/nowhere', { headers }],
    ['the address', `/keys/${CANARY}`, {}],
    ['an unknown address', `/nowhere/${CANARY}`, {}],
    ['the query', `/keys/1?token=${CANARY}&${CANARY}=1`, {}],
    ['a broken address', `/keys/${CANARY}%zz`, {}],
    [
      'a valid body',
      '/take',
      { method: 'POST', headers: json, body: JSON.stringify({ api_key: 'short', note: CANARY }) },
    ],
    [
      'an invalid body',
      '/take',
      { method: 'POST', headers: json, body: JSON.stringify({ api_key: CANARY, [CANARY]: 1 }) },
    ],
    ['a broken body', '/take', { method: 'POST', headers: json, body: `{"api_key":"${CANARY}` }],
    [
      'a body of another type',
      '/take',
      { method: 'POST', headers: { ...json, 'content-type': 'text/csv' }, body: CANARY },
    ],
  ];

  it.each(places)('in %s', async (_name, path, init) => {
    const before = test.lines.length;
    const response = await fetch(test.url + path, init);
    const body = await response.text();
    await until(() => test.lines.slice(before).some((line) => line.includes('"msg":"request"')));
    const logged = test.lines.join('');
    expect(logged.length).toBeGreaterThan(100);
    expect(logged).not.toContain(CANARY);
    expect(logged).not.toContain(CANARY.slice(4, 24));
    expect(body).not.toContain(CANARY);
  });
});

describe('a key in the address', () => {
  it.each([
    ['of a route', `/keys/${CANARY}`],
    ['of no route', `/nowhere/${CANARY}`],
    ['as its query', `/keys/1?${CANARY}`],
    ['percent-encoded', `/keys/${CANARY.replace('mas', '%6das')}`],
  ])('%s is refused, so that nothing gets its name', async (_name, path) => {
    const response = await fetch(test.url + path);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'key_in_address' });
  });
});
