import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Req } from '@nestjs/common';
import type { HttpRequest } from './request.js';
import { defineRoute, Route, type RouteSpec } from './route.js';
import { startTestApp, type TestApp } from './test-app.js';

let running: TestApp | undefined;

afterEach(async () => {
  await running?.close();
  running = undefined;
});

async function start(spec: RouteSpec): Promise<TestApp> {
  @Controller()
  class Onward {
    @Route(spec)
    hand(@Req() request: HttpRequest) {
      return { query: request.query, input: request.input };
    }
  }
  running = await startTestApp({ controllers: [Onward] });
  return running;
}

const onward = defineRoute({
  method: 'GET',
  path: '/onward/*',
  access: { kind: 'public' },
  summary: 'Handed on',
  forwarded: true,
});

describe('a route that is handed on', () => {
  it('leaves the query to the other service', async () => {
    const { url } = await start(onward);
    const answer = await fetch(`${url}/onward/a?unknown=1`);
    expect(await answer.json()).toEqual({ query: { unknown: '1' }, input: null });
    const { forwarded: _forwarded, ...checked } = onward;
    await running?.close();
    expect((await fetch(`${(await start(checked)).url}/onward/a?unknown=1`)).status).toBe(400);
  });

  it('is not in the API document: the other service describes it', async () => {
    const { url } = await start(onward);
    const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as { paths: object };
    expect(Object.keys(paths)).toEqual(['/openapi.json']);
  });

  it('stops the start when it asks for an access that nobody would check', async () => {
    const access = { kind: 'action', action: 'door.open', resource: 'door/1' } as const;
    await expect(start({ ...onward, access })).rejects.toThrow('is not public');
  });
});
