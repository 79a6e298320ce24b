import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { probeReadiness } from './readiness-probe.js';

let answer: { status: number; body: string };
const server = createServer((_request, response) => void response.writeHead(answer.status).end(answer.body));
afterEach(async () => {
  if (server.listening) await new Promise((closed) => server.close(closed));
});

describe('probeReadiness', () => {
  it.each([
    [200, '{"status":"ready","checks":{}}', 'ready'],
    [
      503,
      '{"checks":{"postgres":"ok","keys":"keys are being loaded","nats":"lost"}}',
      'keys: keys are being loaded; nats: lost',
    ],
    [404, 'not found', 'it answers 404'],
    [503, '{"checks":', 'it answers 503'],
  ])('%d %s: %s', async (status, body, expected) => {
    answer = { status, body };
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as AddressInfo;
    expect(await probeReadiness(`http://127.0.0.1:${port}/readyz`)).toBe(expected);
  });

  it('says when nobody listens', async () => {
    expect(await probeReadiness('http://127.0.0.1:9/readyz')).toBe('not listening yet');
  });
});
