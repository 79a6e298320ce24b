import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller } from '@nestjs/common';
import { z } from 'zod';
import { defineRoute, Input, Route } from './route.js';
import type { InputOf } from './route-input.js';
import { readProblem, startTestApp, type TestApp } from './test-app.js';

const access = { kind: 'public' } as const;
const strict = defineRoute({
  method: 'PUT',
  path: '/strict/:id',
  access,
  summary: 'Takes only what it knows',
  params: z.object({ id: z.string().regex(/^k-\d+$/) }),
  query: z.object({ limit: z.coerce.number().int().max(100).default(20) }),
  body: z.strictObject({ name: z.string().min(1), tags: z.array(z.string()).optional() }),
});
const loose = defineRoute({
  method: 'POST',
  path: '/loose',
  access,
  summary: 'Drops what it does not know',
  body: z.object({ name: z.string() }),
  status: 201,
});
const named = defineRoute({
  method: 'GET',
  path: '/named/:name',
  access,
  summary: 'Takes any name',
  params: z.object({ name: z.string() }),
  query: z.object({ of: z.union([z.string(), z.array(z.string())]).optional() }),
});
const bare = defineRoute({ method: 'GET', path: '/bare', access, summary: 'Takes nothing' });

@Controller()
class Inputs {
  @Route(strict) strict(@Input() input: InputOf<typeof strict>) {
    return input;
  }

  @Route(loose) loose(@Input() { body }: InputOf<typeof loose>) {
    return body;
  }

  @Route(named) named(@Input() input: InputOf<typeof named>) {
    return input;
  }

  @Route(bare) bare() {
    return {};
  }
}

let test: TestApp;

beforeAll(async () => {
  test = await startTestApp({ controllers: [Inputs] });
});
afterAll(() => test.close());

function send(method: string, path: string, body?: unknown): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return fetch(test.url + path, body === undefined ? { method } : { method, headers, body: JSON.stringify(body) });
}

describe('validation', () => {
  it.each([
    ['/named/a%00b', 'params.name'],
    ['/named/a?of=%00', 'query.of'],
    ['/named/a?of=b&of=c%00', 'query.of'],
  ])('refuses NUL in an address: %s', async (path, field) => {
    const response = await send('GET', path);
    expect(response.status).toBe(400);
    expect((await readProblem(response)).errors).toEqual([{ path: field, message: 'must not hold NUL' }]);
    expect((await send('GET', path.replaceAll('%00', '%01'))).status).toBe(200);
  });

  it('gives the handler parsed values', async () => {
    const response = await send('PUT', '/strict/k-1?limit=7', { name: 'a' });
    expect(await response.json()).toEqual({ params: { id: 'k-1' }, query: { limit: 7 }, body: { name: 'a' } });
  });

  it('lists every wrong field of body, query and params at once', async () => {
    const response = await send('PUT', '/strict/x?limit=900&lmit=1', { name: '', tags: ['a', 1], extra: true });
    expect(response.status).toBe(400);
    const { code, errors = [] } = await readProblem(response);
    expect(code).toBe('validation_failed');
    const paths = errors.map(({ path }) => path).sort();
    expect(paths).toEqual(['body.extra', 'body.name', 'body.tags.1', 'params.id', 'query.limit', 'query.lmit']);
    expect(errors.every(({ message }) => message.length > 3)).toBe(true);
  });

  it('does not repeat values', async () => {
    const { errors } = await readProblem(await send('PUT', '/strict/secret-value?limit=secret-value', { name: 5 }));
    expect(JSON.stringify(errors)).not.toContain('secret-value');
  });

  it('refuses query parameters where a route declares none', async () => {
    const { errors } = await readProblem(await send('GET', '/bare?debug=1&x='));
    expect(errors?.map(({ path }) => path)).toEqual(['query.debug', 'query.x']);
  });

  it('drops unknown body fields only where the schema is not strict', async () => {
    const response = await send('POST', '/loose', { name: 'a', extra: 1 });
    expect([response.status, await response.json()]).toEqual([201, { name: 'a' }]);
  });

  it('names a missing body', async () => {
    const { errors } = await readProblem(await send('POST', '/loose'));
    expect(errors?.map(({ path }) => path)).toEqual(['body']);
  });

  it('bounds its list', async () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`field${index}`.padEnd(300, 'x'), 1]));
    const { errors = [] } = await readProblem(await send('PUT', '/strict/k-1', { name: 'a', ...many }));
    expect(errors.length).toBe(50);
    expect(Math.max(...errors.map(({ path }) => path.length))).toBeLessThanOrEqual(128);
  });
});
