import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { answerParts } from './answer-parts.js';
import { ProblemError, unavailable } from './problem.js';
import { defineRoute } from './route.js';
import { serveRoute } from './serve-route.js';
import { readProblem, startTestApp, type TestApp } from './test-app.js';

const route = (path: string) => defineRoute({ method: 'GET', path, summary: 'x', access: { kind: 'public' } });

class Known extends Error {}

const parts: Readonly<Record<string, () => readonly Promise<object>[]>> = {
  '/mixed': () => [
    Promise.reject(new ProblemError('conflict', 'Twice')),
    new Promise((resolve) => setImmediate(() => resolve({ n: 2 }))),
    Promise.reject(new Error('a secret of the inside')),
    Promise.reject(new Known()),
    Promise.reject(unavailable('Not now')),
  ],
  '/away': () => [Promise.reject(unavailable('Not now', 7)), Promise.reject(new ProblemError('timeout'))],
  '/refused': () => [Promise.reject(new ProblemError('forbidden')), Promise.reject(unavailable('Not now'))],
  '/none': () => [],
};

@Injectable()
class Served implements OnModuleInit {
  constructor(private readonly host: HttpAdapterHost) {}

  onModuleInit(): void {
    const server = this.host.httpAdapter.getInstance();
    for (const [path, begin] of Object.entries(parts))
      serveRoute(server, route(path), async (request) => JSON.stringify(await answerParts(server, request, begin())));
  }
}

let app: TestApp;
beforeAll(async () => {
  Reflect.defineMetadata('design:paramtypes', [HttpAdapterHost], Served);
  app = await startTestApp({
    providers: [Served],
    mapError: (error) => (error instanceof Known ? new ProblemError('not_found') : undefined),
  });
});
afterAll(() => app.close());

const get = (path: string) => fetch(`${app.url}${path}`);

describe('the parts of a request', () => {
  it('are told in their order, each with its answer or its problem, and what is inside stays there', async () => {
    const answer = await get('/mixed');
    const traceId = expect.stringMatching(/^[0-9a-f]{32}$/);
    const failed = (error: object) => ({ ok: false, error: expect.objectContaining({ ...error, traceId }) });
    const text = await answer.text();
    expect([answer.status, JSON.parse(text)]).toEqual([
      200,
      [
        failed({ code: 'conflict', status: 409, detail: 'Twice' }),
        { ok: true, n: 2 },
        failed({ code: 'internal', status: 500, title: 'The request failed' }),
        failed({ code: 'not_found', status: 404 }),
        failed({ code: 'unavailable', status: 503 }),
      ],
    ]);
    expect(text).not.toContain('inside');
    expect(app.lines.filter((line) => line.includes('a secret of the inside'))).toHaveLength(1);
  });

  it('that all cannot be answered now are one problem', async () => {
    const answer = await get('/away');
    expect(answer.headers.get('retry-after')).toBe('7');
    expect(await readProblem(answer)).toMatchObject({ status: 503, code: 'unavailable' });
    expect((await get('/refused')).status).toBe(200);
  });

  it('are none where nothing was asked for', async () => {
    expect(await (await get('/none')).json()).toEqual([]);
  });
});
