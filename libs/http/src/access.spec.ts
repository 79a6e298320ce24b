import { readFile } from 'node:fs/promises';
import { createLogger } from '@gatehouse/telemetry';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Module } from '@nestjs/common';
import { z } from 'zod';
import type { AccessDecision, Principal } from './access.js';
import { createApp, listRoutes } from './create-app.js';
import { ProblemError } from './problem.js';
import { Caller, DecisionId, defineRoute, Input, Route } from './route.js';
import type { InputOf } from './route-input.js';
import { AS_ALICE, readProblem, startTestApp, type TestApp, type TestAppOptions } from './test-app.js';

const readDoor = defineRoute({
  method: 'POST',
  path: '/doors/:id',
  access: {
    kind: 'action',
    action: 'door.open',
    resource: ({ input }) => `door/${(input?.params as { id: string } | undefined)?.id}`,
  },
  summary: 'Opens a door',
  params: z.object({ id: z.string() }),
});
const whoami = defineRoute({ method: 'GET', path: '/whoami', access: { kind: 'authenticated' }, summary: 'Who am I' });
const open = defineRoute({ method: 'GET', path: '/open', access: { kind: 'public' }, summary: 'Open to all' });

let handled = 0;

@Controller()
class Doors {
  @Route(readDoor)
  openDoor(@Input() { params }: InputOf<typeof readDoor>, @DecisionId() decisionId: string) {
    handled++;
    return { opened: params.id, decisionId };
  }

  @Route(whoami)
  whoami(@Caller() caller: Principal) {
    handled++;
    return caller;
  }

  @Route(open)
  open(@Caller() caller: Principal | null) {
    return { caller };
  }

  @Get('/forgotten')
  forgotten() {
    handled++;
    return 'reached';
  }
}

let running: TestApp | undefined;

async function start(options: TestAppOptions = {}): Promise<TestApp> {
  handled = 0;
  running = await startTestApp({ controllers: [Doors], ...options });
  return running;
}

afterEach(async () => {
  await running?.close();
  running = undefined;
});

describe('a route', () => {
  it('that says nothing about access refuses everybody, known or not', async () => {
    const { url } = await start();
    for (const headers of [{}, AS_ALICE]) {
      const response = await fetch(`${url}/forgotten`, { headers });
      expect(response.status).toBe(403);
      expect((await readProblem(response)).code).toBe('route_not_listed');
    }
    expect(handled).toBe(0);
  });

  it('is in the table with its access, and the forgotten one shows there', async () => {
    const { app } = await start();
    const routes = listRoutes(app);
    expect(routes.find(({ path }) => path === '/doors/:id')).toMatchObject({
      method: 'POST',
      access: { kind: 'action', action: 'door.open' },
      summary: 'Opens a door',
    });
    expect(routes.filter(({ access }) => access === undefined).map(({ path }) => path)).toEqual(['/forgotten']);
  });

  it('that is public asks nobody', async () => {
    const { url } = await start();
    expect(await (await fetch(`${url}/open`)).json()).toEqual({ caller: null });
  });

  it('that wants a caller gives it to the handler', async () => {
    const { url } = await start();
    expect(await (await fetch(`${url}/whoami`, { headers: AS_ALICE })).json()).toMatchObject({ id: 'alice' });
  });

  it('answers 401 with a challenge before it looks at the body', async () => {
    const { url } = await start();
    const response = await fetch(`${url}/doors/7`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{broken',
    });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
    expect((await readProblem(response)).code).toBe('unauthenticated');
  });

  it('asks for its action on its resource, and passes the decision on', async () => {
    const asked: unknown[] = [];
    const { url } = await start({
      authorize: async (principal, action, resource) => {
        asked.push([principal.id, action, resource]);
        return { allowed: true, decisionId: 'decision-1' };
      },
    });
    const response = await fetch(`${url}/doors/7`, { method: 'POST', headers: AS_ALICE });
    expect(await response.json()).toEqual({ opened: '7', decisionId: 'decision-1' });
    expect(asked).toEqual([['alice', 'door.open', 'door/7']]);
  });
});

describe('authorization lets in only on a plain yes', () => {
  const answers: [string, () => unknown, number, string][] = [
    ['says no', () => ({ allowed: false, decisionId: 'd', reason: 'no grant' }), 403, 'forbidden'],
    ['says no later', async () => ({ allowed: false }), 403, 'forbidden'],
    ['answers nothing', () => undefined, 403, 'forbidden'],
    ['answers a truthy text', async () => ({ allowed: 'yes' }), 403, 'forbidden'],
    [
      'throws',
      () => {
        throw new Error('facts are not loaded');
      },
      500,
      'internal',
    ],
    ['rejects', () => Promise.reject(new ProblemError('unavailable')), 503, 'unavailable'],
    // A promise of Node's own realm, which is another one under jest: `instanceof Promise` would miss it.
    ['says no after reading a file', () => readFile('/dev/null').then(() => ({ allowed: false })), 403, 'forbidden'],
    ['rejects with nothing', () => Promise.reject(undefined), 500, 'internal'],
    [
      'throws nothing',
      () => {
        throw undefined;
      },
      500,
      'internal',
    ],
  ];

  it.each(answers)('when it %s', async (_name, answer, status, code) => {
    const { url } = await start({ authorize: answer as () => AccessDecision });
    const response = await fetch(`${url}/doors/7`, { method: 'POST', headers: AS_ALICE });
    const problem = await readProblem(response);
    expect([response.status, problem.code]).toEqual([status, code]);
    expect(JSON.stringify(problem)).not.toMatch(/no grant|facts are not loaded/);
    expect(handled).toBe(0);
  });
});

describe('authentication lets in only a principal', () => {
  const answers: [string, () => unknown, number][] = [
    ['answers nothing', () => undefined, 401],
    ['answers something without a tenant', async () => ({ type: 'user', id: 'alice' }), 401],
    ['answers nothing after reading a file', () => readFile('/dev/null').then(() => undefined), 401],
    ['rejects with nothing', () => Promise.reject(undefined), 500],
    [
      'throws nothing',
      () => {
        throw undefined;
      },
      500,
    ],
    [
      'throws',
      () => {
        throw new Error('the key index is broken');
      },
      500,
    ],
  ];

  it.each(answers)('when it %s', async (_name, answer, status) => {
    const { url } = await start({ authenticate: answer as () => Principal });
    const response = await fetch(`${url}/whoami`, { headers: AS_ALICE });
    expect(response.status).toBe(status);
    expect(handled).toBe(0);
  });
});

describe('an application that cannot check callers', () => {
  it('does not start with a route that needs one', async () => {
    class Bare {}
    Module({ controllers: [Doors] })(Bare);
    const logger = createLogger({ service: 'test', level: 'silent' });
    const app = await createApp(Bare, { service: 'test', logger });
    await expect(app.listen(0, '127.0.0.1')).rejects.toThrow('AUTHENTICATE');
    await app.close();
  });
});
