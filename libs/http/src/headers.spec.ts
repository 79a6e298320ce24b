import { currentTrace, type TraceContext } from '@gatehouse/telemetry';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Req } from '@nestjs/common';
import { z } from 'zod';
import type { HttpRequest } from './request.js';
import { defineRoute, Route } from './route.js';
import { startTestApp, type TestApp } from './test-app.js';

const access = { kind: 'public' } as const;
const look = defineRoute({ method: 'GET', path: '/look', access, summary: 'Shows the request' });
const post = defineRoute({ method: 'POST', path: '/look', access, summary: 'Shows the request', body: z.unknown() });

interface Seen {
  readonly current: TraceContext | null;
  readonly trace: TraceContext;
  readonly ip: string;
}

@Controller()
class Mirror {
  @Route(look) async look(@Req() request: HttpRequest) {
    await Promise.resolve();
    return { current: currentTrace() ?? null, trace: request.trace, ip: request.ip };
  }

  @Route(post) async post(@Req() request: HttpRequest) {
    return await this.look(request);
  }
}

let test: TestApp;
let behindProxy: TestApp;
let withoutAsyncTrace: TestApp;

beforeAll(async () => {
  test = await startTestApp({ controllers: [Mirror] });
  behindProxy = await startTestApp({
    controllers: [Mirror],
    trustedProxies: ['127.0.0.0/8'],
    strictTransportSecurity: true,
  });
  withoutAsyncTrace = await startTestApp({ controllers: [Mirror], asyncTrace: false });
});
afterAll(() => Promise.all([test.close(), behindProxy.close(), withoutAsyncTrace.close()]));

const seenBy = async (response: Promise<Response>) => (await (await response).json()) as Seen;

describe('security headers', () => {
  it.each(['/look', '/nowhere', '/look?x=1', '/livez', '/look/%zz'])('are on %s', async (path) => {
    const { headers } = await fetch(test.url + path);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'");
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('strict-transport-security')).toBeNull();
    expect(headers.get('x-powered-by')).toBeNull();
    expect(headers.get('server')).toBeNull();
  });

  it('have HSTS where it is asked for', async () => {
    const { headers } = await fetch(`${behindProxy.url}/look`);
    expect(headers.get('strict-transport-security')).toMatch(/^max-age=\d+/);
  });
});

describe('the request id', () => {
  it.each(['a', 'req-1.2_3', 'f'.repeat(64)])('%s of the caller comes back', async (id) => {
    const { headers } = await fetch(`${test.url}/look`, { headers: { 'x-request-id': id } });
    expect(headers.get('x-request-id')).toBe(id);
  });

  it.each(['', 'with space', 'x'.repeat(65), 'a"b', 'ü', 'a{b}'])('%j is replaced by a new one', async (id) => {
    const { headers } = await fetch(`${test.url}/look`, { headers: { 'x-request-id': id } });
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f]{32}$/);
  });

  it('is the trace id when the caller gave none', async () => {
    const response = await fetch(`${test.url}/look`);
    const { trace } = (await response.json()) as Seen;
    expect(response.headers.get('x-request-id')).toBe(trace.traceId);
  });
});

describe('the trace', () => {
  const traceparent = `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`;
  const withBody = { method: 'POST', body: '{}', headers: { 'content-type': 'application/json', traceparent } };

  it.each([
    ['GET', { headers: { traceparent } }],
    ['POST', withBody],
  ])('of the caller goes on in the handler of a %s', async (_method, init) => {
    const { current, trace } = await seenBy(fetch(`${test.url}/look`, init));
    expect(trace).toMatchObject({ traceId: 'ab'.repeat(16), sampled: true });
    expect(trace.spanId).not.toBe('cd'.repeat(8));
    expect(current).toEqual(trace);
  });

  it.each(['rubbish', `00-${'0'.repeat(32)}-${'cd'.repeat(8)}-01`])('starts anew for %s', async (header) => {
    const { trace } = await seenBy(fetch(`${test.url}/look`, { headers: { traceparent: header } }));
    expect(trace.traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(trace.traceId).not.toBe('0'.repeat(32));
  });

  it('of two requests on one connection differs', async () => {
    const first = await seenBy(fetch(`${test.url}/look`));
    const second = await seenBy(fetch(`${test.url}/look`));
    expect(first.trace.traceId).not.toBe(second.trace.traceId);
  });

  it('is on the request alone where the asynchronous one is switched off', async () => {
    const { current, trace } = await seenBy(fetch(`${withoutAsyncTrace.url}/look`, withBody));
    expect(current).toBeNull();
    expect(trace.traceId).toBe('ab'.repeat(16));
  });
});

describe("the client's address", () => {
  const headers = { 'x-forwarded-for': '203.0.113.9' };

  it('is the peer unless a proxy is trusted', async () => {
    expect((await seenBy(fetch(`${test.url}/look`, { headers }))).ip).toBe('127.0.0.1');
  });

  it('is what a trusted proxy says', async () => {
    expect((await seenBy(fetch(`${behindProxy.url}/look`, { headers }))).ip).toBe('203.0.113.9');
  });
});
