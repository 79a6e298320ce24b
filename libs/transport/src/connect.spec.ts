import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect as connectTcp, createServer } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { waitFor } from '@gatehouse/testing';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Carrier, ConnectOptions, ListenOptions } from './carrier.js';
import { connect } from './connect.js';
import { listen } from './listen.js';
import { type Credentials, echoEverything, newCredentials, Reader } from './pair.fixture.js';
import { alpn } from './trust.js';

let credentials: Credentials;
const cleanUps: (() => unknown)[] = [];

beforeAll(async () => {
  credentials = await newCredentials();
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function startServer(options: Partial<ListenOptions> = {}) {
  const carriers = new Set<Carrier>();
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    certificate: credentials.certificate,
    key: credentials.key,
    onCarrier: (carrier) => {
      carriers.add(carrier);
      carrier.onClose = () => carriers.delete(carrier);
      echoEverything(carrier);
    },
    ...options,
  });
  cleanUps.push(async () => {
    await Promise.all([...carriers].map((carrier) => carrier.close({ code: 'done' })));
    await listener.close();
  });
  return { listener, carriers };
}

async function dial(port: number, options: Partial<ConnectOptions> = {}): Promise<Carrier> {
  const carrier = await connect({ host: '127.0.0.1', port, trust: { ca: credentials.ca }, ...options });
  cleanUps.push(() => carrier.close({ code: 'done' }));
  return carrier;
}

/** A UDP port that takes everything and answers nothing, as behind a firewall. */
async function silence(port: number): Promise<void> {
  const socket = createSocket('udp4');
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  cleanUps.push(() => socket.close());
}

describe('the race', () => {
  it('QUIC wins where it works', async () => {
    const { listener } = await startServer();
    // A machine that is busy with other specs may take longer over a handshake than the head start is.
    expect((await dial(listener.port, { headStartMs: 5_000 })).kind).toBe('quic');
  });

  it('TLS follows soon where UDP is dropped on the way', async () => {
    const { listener } = await startServer({ carriers: ['tls'] });
    await silence(listener.port);
    const carrier = await dial(listener.port, { timeoutMs: 3_000 });
    expect(carrier.kind).toBe('tls');
    const reader = new Reader(carrier.open());
    reader.stream.end();
    await reader.whenEnded();
  });

  it('TLS does not wait for its turn where nobody listens on UDP', async () => {
    const { listener } = await startServer({ carriers: ['tls'] });
    expect((await dial(listener.port, { headStartMs: 60_000 })).kind).toBe('tls');
  });

  it('leaves no trace of the loser', async () => {
    const { listener, carriers } = await startServer();
    for (let round = 0; round < 5; round++) {
      const carrier = await dial(listener.port, { headStartMs: 1 });
      await waitFor(() => carriers.size === 1);
      await carrier.close({ code: 'done' });
      await waitFor(() => carriers.size === 0);
    }
  });

  it('remembers nothing: QUIC is tried again at once', async () => {
    const { listener } = await startServer({ carriers: ['tls'] });
    const { port } = listener;
    expect((await dial(port)).kind).toBe('tls');
    await startServer({ carriers: ['quic'], port });
    expect((await dial(port, { headStartMs: 5_000 })).kind).toBe('quic');
  });
});

describe('failures', () => {
  it.each([
    ['nobody listens', 'refused'],
    ['a certificate of others', 'certificate'],
  ])('%s: %s', async (_name, code) => {
    const { listener } = await startServer();
    const { port } = listener;
    if (code === 'refused') await listener.close();
    const trust = code === 'refused' ? { ca: credentials.ca } : { ca: (await newCredentials()).ca };
    await expect(dial(port, { trust })).rejects.toMatchObject({ end: { code } });
  });

  it('an unknown name: unreachable', async () => {
    await expect(dial(443, { host: 'nobody.invalid' })).rejects.toMatchObject({ end: { code: 'unreachable' } });
  });

  it('nothing answers: timeout', async () => {
    const deaf = createServer(() => {});
    deaf.listen(0, '127.0.0.1');
    await once(deaf, 'listening');
    const { port } = deaf.address() as { port: number };
    await silence(port);
    cleanUps.push(() => deaf.close());
    await expect(dial(port, { timeoutMs: 300 })).rejects.toMatchObject({ end: { code: 'timeout' } });
  });

  it('the caller thinks better of it: cancelled', async () => {
    const { listener } = await startServer({ carriers: ['tls'] });
    await silence(listener.port);
    const abort = new AbortController();
    const attempt = dial(listener.port, { signal: abort.signal, carriers: ['quic'] });
    abort.abort();
    await expect(attempt).rejects.toMatchObject({ end: { code: 'cancelled' } });
    await expect(dial(listener.port, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      end: { code: 'cancelled' },
    });
  });

  it('limits that cannot be are said so', async () => {
    await expect(dial(1, { limits: { streams: 0 } })).rejects.toThrow('streams must be');
    await expect(dial(1, { limits: { idleMs: 200, keepAliveMs: 300 } })).rejects.toThrow('keepAliveMs must be less');
  });

  it('a server that speaks something else over TLS is refused', async () => {
    const { listener } = await startServer({ carriers: ['tls'] });
    const other = connectTls({ host: '127.0.0.1', port: listener.port, ca: credentials.ca, ALPNProtocols: ['h2'] });
    other.on('error', () => {});
    await waitFor(() => other.closed);
    const none = connectTls({ host: '127.0.0.1', port: listener.port, ca: credentials.ca });
    none.on('error', () => {});
    await waitFor(() => none.closed);
    await waitFor(() => listener.stats().refused === 2);
    expect(listener.stats().carriers).toBe(0);
  });
});

describe('handshakes that are begun and not finished', () => {
  /** TCP connections that never say a word. */
  const silent = (port: number, count: number) =>
    Array.from({ length: count }, () => {
      const socket = connectTcp(port, '127.0.0.1');
      socket.on('error', () => {});
      cleanUps.push(() => socket.destroy());
      return socket.resume();
    });

  it('lose their places to those who wait, and nobody does who is in', async () => {
    const { listener } = await startServer({ carriers: ['tls'], maxHandshakes: 4 });
    const inside = await dial(listener.port);
    const idle = silent(listener.port, 12);
    await waitFor(() => idle.every((socket) => !socket.connecting));
    expect((await dial(listener.port)).kind).toBe('tls');
    expect(idle.filter((socket) => socket.closed).length).toBeGreaterThanOrEqual(8);
    const reader = new Reader(inside.open());
    reader.stream.end();
    await reader.whenEnded();
  });

  it('of one address do not hold up those of others', async () => {
    const { listener } = await startServer({ carriers: ['tls'], maxHandshakes: 4 });
    const idle = silent(listener.port, 60);
    await waitFor(() => idle.every((socket) => !socket.connecting));
    const other = connectTls({
      ...{ host: '127.0.0.1', port: listener.port, localAddress: '127.0.0.2' },
      ...{ ca: credentials.ca, ALPNProtocols: [alpn] },
    });
    other.on('error', () => {});
    cleanUps.push(() => other.destroy());
    await new Promise<void>((resolve) => other.once('secureConnect', resolve));
    expect(idle.filter((socket) => !socket.closed).length).toBeGreaterThan(30);
  });

  it.each(['tls', 'quic'] as const)('a herd comes in over %s, whoever is last', async (kind) => {
    const { listener } = await startServer({ carriers: [kind], maxHandshakes: 4 });
    const dialled = Array.from({ length: 24 }, () => dial(listener.port, { carriers: [kind], timeoutMs: 60_000 }));
    expect((await Promise.all(dialled)).map((carrier) => carrier.kind)).toEqual(dialled.map(() => kind));
  });
});
