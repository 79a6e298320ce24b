import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Req } from '@nestjs/common';
import { z } from 'zod';
import type { HttpRequest } from './request.js';
import { defineRoute, Route } from './route.js';
import { latch, readProblem, sendRaw, startTestApp, type TestApp, until } from './test-app.js';

const access = { kind: 'public' } as const;
const wait = defineRoute({ method: 'POST', path: '/wait', access, summary: 'Waits', body: z.unknown() });
const patient = defineRoute({ ...wait, path: '/patient', timeoutMs: 0 });
const late = defineRoute({ ...wait, path: '/late' });
const quick = defineRoute({ method: 'GET', path: '/quick', access, summary: 'Answers at once' });

let gate = latch();
let started = 0;
let aborted = 0;

@Controller()
class Waits {
  @Route(wait) async wait(@Req() request: HttpRequest) {
    started++;
    request.signal.addEventListener('abort', () => aborted++);
    await gate.opened;
    return {};
  }

  @Route(patient) async patient() {
    started++;
    await gate.opened;
    return { patient: true };
  }

  @Route(late) async late() {
    started++;
    await gate.opened;
    throw new Error('too late to matter');
  }

  @Route(quick) quick() {
    return {};
  }
}

let test: TestApp;

async function start(options: object): Promise<TestApp> {
  gate = latch();
  started = 0;
  aborted = 0;
  test = await startTestApp({ controllers: [Waits], ...options });
  return test;
}

afterEach(async () => {
  gate.open();
  await test.close();
});

const POST = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' };
const metric = async (url: string, name: string) =>
  Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(await (await fetch(`${url}/metrics`)).text())?.[1]);

describe('time', () => {
  it('that is up answers 503 with Retry-After, and tells the handler', async () => {
    const { url } = await start({ requestTimeoutMs: 200 });
    const response = await fetch(`${url}/wait`, POST);
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect((await readProblem(response)).code).toBe('timeout');
    await until(() => aborted === 1);
  });

  it('that is up leaves the connection usable when the handler fails later', async () => {
    const { url } = await start({ requestTimeoutMs: 200 });
    expect((await fetch(`${url}/late`, POST)).status).toBe(503);
    gate.open();
    expect((await fetch(`${url}/quick`)).status).toBe(200);
  });

  it('is unlimited for a route that says so', async () => {
    const { url } = await start({ requestTimeoutMs: 100 });
    const answer = fetch(`${url}/patient`, POST);
    // The other request's limit is the clock: when it has passed, this one has outlived it too.
    expect((await fetch(`${url}/wait`, POST)).status).toBe(503);
    gate.open();
    expect(await (await answer).json()).toEqual({ patient: true });
  });

  it('to send a request is limited too', async () => {
    const { port } = await start({ requestTimeoutMs: 300 });
    const answer = await sendRaw(port, 'GET /quick HTTP/1.1\r\nhost: x\r\nx-slow: ');
    expect(answer).toMatch(/^HTTP\/1.1 408 /);
    expect(answer).toContain('"code":"request_timeout"');
  });
});

describe('requests in flight', () => {
  it('are capped: one more is refused at once, health is not', async () => {
    const { url } = await start({ maxInFlight: 2 });
    const waiting = [fetch(`${url}/wait`, POST), fetch(`${url}/wait`, POST)];
    await until(() => started === 2);
    const refused = await fetch(`${url}/quick`);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect((await readProblem(refused)).code).toBe('unavailable');
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    gate.open();
    for (const response of waiting) expect((await response).status).toBe(200);
    expect((await fetch(`${url}/quick`)).status).toBe(200);
  });

  it('are given back when clients go away', async () => {
    const { url } = await start({ maxInFlight: 2 });
    for (let round = 0; round < 3; round++) {
      const controller = new AbortController();
      const gone = fetch(`${url}/wait`, { ...POST, signal: controller.signal }).catch(() => 'gone');
      await until(() => started === round + 1);
      controller.abort();
      expect(await gone).toBe('gone');
      await until(() => aborted === round + 1);
    }
    expect((await fetch(`${url}/quick`)).status).toBe(200);
    // The request for the metrics is itself in flight.
    expect(await metric(url, 'http_server_in_flight')).toBe(1);
  });

  it('are given back when a connection with pipelined requests dies', async () => {
    const { url, port } = await start({ maxInFlight: 4 });
    const request = 'POST /wait HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}';
    const { connect } = await import('node:net');
    const socket = connect(port, '127.0.0.1', () => socket.write(request + request + request));
    await until(() => started === 3);
    socket.destroy();
    for (;;) if ((await metric(url, 'http_server_in_flight')) === 1) break;
  });
});
