import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { guardedLookup, postWebhook } from './post-webhook.service.js';

let server: Server;
let port: number;
let connections = 0;
let answer: (path: string) => { status: number; headers?: Record<string, string>; hangs?: boolean };
const seen: string[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.host}`);
    const { status, headers = {}, hangs } = answer(request.url ?? '');
    if (hangs) return;
    response.writeHead(status, headers).write('x'.repeat(100_000));
    // Never ends: whoever read the answer would wait for ever.
  }).on('connection', () => connections++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const here = async () => [{ address: '127.0.0.1', family: 4 }];
const post = (url: string, options: Partial<Parameters<typeof postWebhook>[3]> = {}) =>
  postWebhook(new URL(url), { 'webhook-id': 'm' }, '{}', { targets: 'any', ...options });

describe('posting a message', () => {
  it('connects to the address that was looked up and checked, under the name of the URL', async () => {
    answer = () => ({ status: 200 });
    expect(await post(`http://hook.invalid:${port}/a`, { resolve: here })).toBeUndefined();
    expect(seen.at(-1)).toBe(`POST /a hook.invalid:${port}`);
  });

  it('opens no connection where a name leads to this machine, today or from the second look-up on', async () => {
    const before = connections;
    const asked: string[] = [];
    const rebinding = async (hostname: string) => {
      asked.push(hostname);
      return asked.length === 1 ? [{ address: '8.8.8.8', family: 4 }] : [{ address: '127.0.0.1', family: 4 }];
    };
    const lookup = guardedLookup({ targets: 'public', resolve: rebinding });
    const connectTo = () =>
      new Promise((resolve) => {
        lookup('hook.invalid', { all: false }, (error, address) => resolve(error ? 'refused' : address));
      });
    // One look-up a connection, and what it answers is what is connected to.
    expect([await connectTo(), await connectTo()]).toEqual(['8.8.8.8', 'refused']);
    expect(await post(`https://hook.invalid:${port}/`, { targets: 'public', resolve: rebinding })).toBe(
      'address_not_allowed',
    );
    expect(asked).toHaveLength(3);
    expect(connections).toBe(before);
  });

  it('refuses a name that leads to this machine beside a public address', async () => {
    const both = async () => [{ address: '8.8.8.8', family: 4 }, ...(await here())];
    expect(await post(`https://hook.invalid:${port}/`, { targets: 'public', resolve: both })).toBe(
      'address_not_allowed',
    );
  });

  it.each(['https://127.0.0.1', 'https://[::1]', 'https://localhost', 'http://example.org'])(
    'refuses %s by the real look-up',
    async (origin) => {
      const before = connections;
      expect(await post(`${origin}:${port}/`, { targets: 'public' })).toBe('address_not_allowed');
      expect(connections).toBe(before);
    },
  );

  it('follows no redirect', async () => {
    answer = (path) => (path === '/' ? { status: 302, headers: { location: '/secret' } } : { status: 200 });
    expect(await post(`http://127.0.0.1:${port}/`)).toBe('status_302');
    expect(seen.some((line) => line.includes('/secret'))).toBe(false);
  });

  it('waits for no answer without end', async () => {
    answer = () => ({ status: 200, hangs: true });
    expect(await post(`http://127.0.0.1:${port}/`, { timeoutMs: 150 })).toBe('timeout');
  });

  it.each([
    ['status_500', () => post(`http://127.0.0.1:${port}/`)],
    ['not_resolved', () => post('http://no-such-name.invalid/')],
    ['unreachable', () => post('http://127.0.0.1:1/')],
    ['unreachable', () => post(`https://127.0.0.1:${port}/`)],
  ])('says %s', async (problem, work) => {
    answer = () => ({ status: 500 });
    expect(await work()).toBe(problem);
  });
});
