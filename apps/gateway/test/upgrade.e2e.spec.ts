import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { Duplex } from 'node:stream';
import { waitFor } from '@gatehouse/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type GatewayRoute, routes } from '../src/routes.js';
import { type Service, sendRaw, startService, startTestGateway, type TestGateway } from './gateway.fixture.js';

const table: readonly GatewayRoute[] = [...routes, { path: '/api/v1/live/*', upstream: 'audit', ws: true }];

let service: Service;
let gate: TestGateway;
const upgraded: Duplex[] = [];
/** What the service does with an upgrade. */
let onUpgrade: (incoming: IncomingMessage, socket: Duplex, head: Buffer) => void;

const acceptKey = (key: string) =>
  createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');

/** Agrees to the handshake (RFC 6455, 4.2.2) and sends every byte back. */
const echo: typeof onUpgrade = (incoming, socket, head) => {
  const accept = acceptKey(incoming.headers['sec-websocket-key'] ?? '');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n` +
      'Sec-WebSocket-Protocol: lines\r\nX-Hop: 1\r\n\r\nhello',
  );
  socket.write(head);
  socket.pipe(socket);
};

beforeEach(async () => {
  service = await startService();
  onUpgrade = echo;
  service.server.on('upgrade', (incoming, socket, head) => {
    upgraded.push(socket.on('error', () => undefined));
    const { method = '', url = '', headers, rawHeaders } = incoming;
    service.asked.push({ method, url, headers, rawHeaders, body: '' });
    onUpgrade(incoming, socket, head);
  });
  const upstreams = { identity: service.url, policy: service.url, vault: service.url, audit: service.url };
  gate = await startTestGateway({ upstreams, routes: table });
});

afterEach(async () => {
  await gate.stop();
  // Node's server waits for connections it has handed over.
  for (const socket of upgraded.splice(0)) socket.destroy();
  await service.close();
});

interface Opened {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly key: string;
  readonly socket?: Duplex;
  readonly head: Buffer;
  readonly text: string;
}

function open(path: string, extra: Readonly<Record<string, string>> = {}): Promise<Opened> {
  const key = randomBytes(16).toString('base64');
  const headers = {
    connection: 'keep-alive, Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': key,
    ...extra,
  };
  return new Promise((resolve, reject) => {
    const out = request({ host: 'localhost', port: gate.port, path, ca: gate.ca, agent: false, headers });
    out.on('error', reject);
    out.on('upgrade', (response, socket, head) =>
      resolve({ status: response.statusCode ?? 0, headers: response.headers, key, socket, head, text: '' }),
    );
    out.on('response', async (response) => {
      let text = '';
      for await (const chunk of response) text += String(chunk);
      resolve({ status: response.statusCode ?? 0, headers: response.headers, key, head: Buffer.alloc(0), text });
    });
    out.end();
  });
}

async function opened(path: string, extra?: Readonly<Record<string, string>>): Promise<Opened & { socket: Duplex }> {
  const result = await open(path, extra);
  if (result.socket === undefined) throw new Error(`answered ${result.status}: ${result.text}`);
  return { ...result, socket: result.socket };
}

const endOf = (socket: Duplex) => (socket.destroyed ? Promise.resolve() : once(socket, 'close'));

describe('a WebSocket on a route that takes one', () => {
  it('is passed through both ways, with the service’s own handshake', async () => {
    const { status, headers, key, socket, head } = await opened('/api/v1/live/tail?type=x', {
      authorization: 'Bearer x',
      'sec-websocket-protocol': 'lines',
      'x-forwarded-for': '203.0.113.1',
    });
    expect(status).toBe(101);
    expect(headers).toMatchObject({ 'sec-websocket-accept': acceptKey(key), 'sec-websocket-protocol': 'lines' });
    expect(service.asked[0]).toMatchObject({
      url: '/api/v1/live/tail?type=x',
      headers: {
        authorization: 'Bearer x',
        upgrade: 'websocket',
        'sec-websocket-key': key,
        'x-forwarded-for': '127.0.0.1',
        'x-forwarded-proto': 'https',
      },
    });
    const sent = randomBytes(3_000_000);
    const received: Buffer[] = [head];
    let bytes = head.length;
    socket.on('data', (chunk: Buffer) => {
      received.push(chunk);
      bytes += chunk.length;
    });
    socket.write(sent);
    await waitFor(() => bytes >= sent.length + 5);
    expect(Buffer.concat(received).equals(Buffer.concat([Buffer.from('hello'), sent]))).toBe(true);
    socket.destroy();
  });

  it('holds a sender back when the other side does not read', async () => {
    let paused: Duplex | undefined;
    onUpgrade = (incoming, socket) => {
      paused = socket.pause();
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptKey(incoming.headers['sec-websocket-key'] ?? '')}\r\n\r\n`,
      );
    };
    const { socket } = await opened('/api/v1/live/tail');
    const block = Buffer.alloc(1_048_576);
    let written = 0;
    while (written < 256 && socket.write(block)) written++;
    for (let i = 0; i < 64; i++) socket.write(block);
    // The system's buffers take some; then nothing moves until the service reads.
    let [left, unmoved] = [0, 0];
    await waitFor(() => {
      unmoved = socket.writableLength === left ? unmoved + 1 : 0;
      left = socket.writableLength;
      return unmoved > 20;
    });
    expect(left).toBeGreaterThan(32 * block.length);
    paused?.resume();
    await waitFor(() => socket.writableLength === 0);
    socket.destroy();
  });

  it('ends on both sides when one side ends, and the gateway counts it as one request with status 101', async () => {
    const { socket } = await opened('/api/v1/live/tail');
    expect((await gate.ask('/metrics')).text).toMatch(/^gateway_tunnels(\{[^}]*\})? 1$/m);
    let ended = false;
    onUpgrade = echo;
    service.server.once('upgrade', (_incoming, serviceSocket: Duplex) =>
      serviceSocket.once('close', () => (ended = true)),
    );
    const second = await opened('/api/v1/live/tail');
    second.socket.destroy();
    await waitFor(() => ended);
    socket.resume().end();
    await endOf(socket);
    await waitFor(() => gate.lines.some((line) => line.includes('"status":101')));
    await waitFor(async () => /^gateway_tunnels(\{[^}]*\})? 0$/m.test((await gate.ask('/metrics')).text));
  });

  it('gets the service’s refusal as it is', async () => {
    onUpgrade = (_incoming, socket) => {
      socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Type: application/problem+json\r\nContent-Length: 2\r\n\r\n{}');
    };
    const { status, headers, text } = await open('/api/v1/live/tail');
    expect([status, headers['content-type'], text]).toEqual([401, 'application/problem+json', '{}']);
  });

  it('is 503 when the service is down', async () => {
    await service.close();
    const { status, text } = await open('/api/v1/live/tail');
    expect([status, JSON.parse(text).code]).toEqual([503, 'unavailable']);
  });

  it('is cut when the gateway stops, without waiting for it', async () => {
    const { socket } = await opened('/api/v1/live/tail');
    socket.resume();
    const startedAt = performance.now();
    await Promise.all([gate.gateway.stop(), endOf(socket)]);
    expect(performance.now() - startedAt).toBeLessThan(30_000);
  });
});

describe('an upgrade that is not wanted', () => {
  it('to a WebSocket on another route, or on none, is refused and opens nothing', async () => {
    const elsewhere = await open('/api/v1/audit/entries');
    expect([elsewhere.status, JSON.parse(elsewhere.text).code]).toEqual([400, 'malformed_request']);
    expect((await open('/nothing')).status).toBe(404);
    expect((await open('/api/v1/live/../audit/entries')).status).toBe(400);
    expect(service.asked).toEqual([]);
  });

  it('to another protocol is refused, on every route', async () => {
    const lines = ['Host: localhost', 'Connection: Upgrade', 'Upgrade: h2c', '', ''];
    const answer = await sendRaw(gate, ['GET /api/v1/live/tail HTTP/1.1', ...lines].join('\r\n'));
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(service.asked).toEqual([]);
  });

  it('counts for the rate of its address', async () => {
    await gate.stop();
    const upstreams = { identity: service.url, policy: service.url, vault: service.url, audit: service.url };
    const env = { RATE_LIMIT_PER_SECOND: '1', RATE_LIMIT_BURST: '1' };
    gate = await startTestGateway({ upstreams, routes: table, env });
    const { socket } = await opened('/api/v1/live/tail');
    expect((await open('/api/v1/live/tail')).status).toBe(429);
    socket.destroy();
  });
});
