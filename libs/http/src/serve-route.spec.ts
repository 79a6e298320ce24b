import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { listRoutes } from './create-app.js';
import { ProblemError } from './problem.js';
import type { HttpRequest } from './request.js';
import { defineRoute } from './route.js';
import { serveRoute } from './serve-route.js';
import { AS_ALICE, readProblem, startTestApp, type TestApp } from './test-app.js';

const route = (path: string, action = 'test.do') =>
  defineRoute({
    method: 'POST',
    path,
    summary: 'x',
    access: { kind: 'action', action, resource: 'test/x' },
    timeoutMs: 300,
  });

@Injectable()
class Served implements OnModuleInit {
  constructor(private readonly host: HttpAdapterHost) {}

  onModuleInit(): void {
    const server = this.host.httpAdapter.getInstance();
    serveRoute(server, route('/echo'), async ({ body, principal }: HttpRequest) =>
      JSON.stringify({ body, by: principal?.id }),
    );
    serveRoute(server, route('/secret', 'test.forbidden'), async () => '"secret"');
    serveRoute(server, route('/fails'), async () => {
      throw new ProblemError('conflict', 'Twice');
    });
    serveRoute(server, route('/breaks'), () => Promise.reject('no error at all'));
    serveRoute(server, route('/never'), () => new Promise(() => undefined));
  }
}

let app: TestApp;
beforeAll(async () => {
  Reflect.defineMetadata('design:paramtypes', [HttpAdapterHost], Served);
  app = await startTestApp({
    providers: [Served],
    authorize: (_principal, action) => ({ allowed: action === 'test.do' }),
  });
});
afterAll(() => app.close());

const post = (path: string, headers: Record<string, string> = AS_ALICE, body = '{"a":1}') =>
  fetch(`${app.url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });

describe('a route on Fastify itself', () => {
  it('answers JSON, with the headers of every answer', async () => {
    const response = await post('/echo');
    expect([response.status, await response.json()]).toEqual([200, { body: { a: 1 }, by: 'alice' }]);
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f]{32}$/);
  });

  it('is open to nobody else than it says', async () => {
    expect((await readProblem(await post('/echo', {}))).status).toBe(401);
    expect((await readProblem(await post('/secret'))).status).toBe(403);
    expect(listRoutes(app.app).find(({ path }) => path === '/secret')?.access).toMatchObject({
      action: 'test.forbidden',
    });
  });

  it('refuses what every route refuses', async () => {
    expect((await readProblem(await post('/echo?x=1'))).code).toBe('validation_failed');
    expect((await readProblem(await post('/echo', AS_ALICE, '{'))).code).toBe('malformed_body');
  });

  it('answers a problem for whatever is thrown, and when its time is up', async () => {
    expect((await readProblem(await post('/fails'))).code).toBe('conflict');
    expect((await readProblem(await post('/breaks'))).code).toBe('internal');
    expect((await readProblem(await post('/never'))).code).toBe('timeout');
  });
});
