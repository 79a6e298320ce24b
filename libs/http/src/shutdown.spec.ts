import { Agent, request as httpRequest } from 'node:http';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { z } from 'zod';
import { defineRoute, Input, Route } from './route.js';
import type { InputOf } from './route-input.js';
import { latch, startTestApp, until } from './test-app.js';

const access = { kind: 'public' } as const;
const params = z.object({ gate: z.enum(['a', 'b']) });
const wait = defineRoute({ method: 'GET', path: '/wait/:gate', access, summary: 'Waits', params });

let gates = { a: latch(), b: latch() };
let started = 0;
let order: string[] = [];

@Injectable()
class Pool implements OnModuleDestroy {
  onModuleDestroy() {
    order.push('pool destroyed');
  }
}

@Controller()
class Waits {
  @Route(wait) async wait(@Input() input: InputOf<typeof wait>) {
    started++;
    await gates[input.params.gate].opened;
    order.push('answered');
    return {};
  }
}

beforeEach(() => {
  gates = { a: latch(), b: latch() };
  started = 0;
  order = [];
});

const start = (drainTimeoutMs: number) => startTestApp({ controllers: [Waits], providers: [Pool], drainTimeoutMs });

/** One request on a given keep-alive connection; the status, and whether the server will close the connection. */
function get(url: string, agent: Agent): Promise<{ status: number | undefined; connection: string | undefined }> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(url, { agent }, (response) => {
      response.resume();
      response.on('end', () => resolve({ status: response.statusCode, connection: response.headers.connection }));
    });
    sent.on('error', reject);
    sent.end();
  });
}

describe('closing', () => {
  it('lets requests in flight finish before the modules are destroyed', async () => {
    const { url, close } = await start(5000);
    const waiting = fetch(`${url}/wait/a`);
    await until(() => started === 1);
    const closed = close();
    await expect(fetch(`${url}/livez`)).rejects.toThrow();
    expect(order).toEqual([]);
    gates.a.open();
    expect((await waiting).status).toBe(200);
    await closed;
    expect(order).toEqual(['answered', 'pool destroyed']);
  });

  it('does not wait longer than its time', async () => {
    const { url, close, lines } = await start(100);
    const cut = fetch(`${url}/wait/a`).catch(() => 'cut');
    await until(() => started === 1);
    await close();
    expect(await cut).toBe('cut');
    expect(order).toEqual(['pool destroyed']);
    expect(lines.some((line) => line.includes('requests were cut while stopping'))).toBe(true);
    gates.a.open();
  });

  it('refuses what still arrives on open connections, and says it is not ready', async () => {
    const { app, url, close } = await start(5000);
    // Connections that are idle when the server begins to stop are closed at once, so these two are kept busy; a third
    // request keeps the server waiting while they are used again.
    const [first, second, third] = [oneConnection(), oneConnection(), oneConnection()];
    const busy = [get(`${url}/wait/a`, first), get(`${url}/wait/a`, second)];
    const last = get(`${url}/wait/b`, third);
    await until(() => started === 3);
    const queued = [get(`${url}/wait/a`, first), get(`${url}/readyz`, second)];
    const { server } = app.getHttpAdapter().getInstance();
    const closed = close();
    await until(() => server.listening === false);
    gates.a.open();
    for (const answer of busy) expect((await answer).status).toBe(200);
    for (const answer of queued) expect(await answer).toEqual({ status: 503, connection: 'close' });
    expect(started).toBe(3);
    gates.b.open();
    expect((await last).status).toBe(200);
    await closed;
    for (const agent of [first, second, third]) agent.destroy();
  });
});

function oneConnection(): Agent {
  return new Agent({ keepAlive: true, maxSockets: 1 });
}
