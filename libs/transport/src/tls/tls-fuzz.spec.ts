import { once } from 'node:events';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { fuzzCases, fuzzSeed, MemoryCourse, SeededRandom, waitFor } from '@gatehouse/testing';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Carrier, CarrierLimits, Listener } from '../carrier.js';
import { connect } from '../connect.js';
import { listen } from '../listen.js';
import { type Credentials, echo, echoEverything, newCredentials } from '../pair.fixture.js';
import { alpn } from '../trust.js';
import { frame, lifeOf, settings, u32 } from './frames.fixture.js';
import { frameType } from './frames.js';

let credentials: Credentials;
const cleanUps: (() => unknown)[] = [];

beforeAll(async () => {
  credentials = await newCredentials();
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function startServer(limits: CarrierLimits = {}): Promise<{ listener: Listener; ends: string[] }> {
  const carriers = new Set<Carrier>();
  const ends: string[] = [];
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    certificate: credentials.certificate,
    key: credentials.key,
    carriers: ['tls'],
    limits,
    onCarrier: (carrier) => {
      carriers.add(carrier);
      carrier.onClose = ({ code, detail }) => {
        ends.push(`${code}: ${detail ?? ''}`);
        carriers.delete(carrier);
      };
      echoEverything(carrier);
    },
  });
  cleanUps.push(async () => {
    await Promise.all([...carriers].map((carrier) => carrier.close({ code: 'done' })));
    await listener.close();
  });
  return { listener, ends };
}

/** Gone with the server. */
async function rawPeer(port: number): Promise<TLSSocket> {
  const socket = connectTls({
    host: '127.0.0.1',
    port,
    ca: credentials.ca,
    ALPNProtocols: [alpn],
    minVersion: 'TLSv1.3',
    checkServerIdentity: () => undefined,
  });
  await once(socket, 'secureConnect');
  socket.on('error', () => {});
  socket.resume();
  return socket;
}

/** What is echoed cannot be sent, so the stream stays. */
const noWindow = frame(0, frameType.settings, u32(1, 1_024, 0));

describe('a peer that breaks a rule is told so, and is gone', () => {
  const misdeeds: Record<string, readonly Buffer[]> = {
    'data on a stream that was never opened': [settings, frame(7, frameType.data, Buffer.from('x'))],
    'a stream out of order': [settings, frame(3, frameType.open)],
    'a stream of our numbers': [settings, frame(2, frameType.open)],
    'a stream opened twice': [settings, frame(1, frameType.open), frame(1, frameType.open)],
    'too many streams': [settings, ...[1, 3, 5, 7, 9].map((id) => frame(id, frameType.open))],
    'data beyond the window': [
      settings,
      frame(1, frameType.open),
      ...Array.from({ length: 3 }, () => frame(1, frameType.data, Buffer.alloc(65_536))),
    ],
    'data after the end': [
      noWindow,
      frame(1, frameType.open),
      frame(1, frameType.data, Buffer.from('x')),
      frame(1, frameType.end),
      frame(1, frameType.data, Buffer.from('x')),
    ],
    'an end twice': [
      noWindow,
      frame(1, frameType.open),
      frame(1, frameType.data, Buffer.from('x')),
      frame(1, frameType.end),
      frame(1, frameType.end),
    ],
    'a frame of an unknown type': [settings, frame(0, 10, Buffer.alloc(4))],
    'a frame that is too long': [settings, frame(0, frameType.ping, Buffer.alloc(9))],
    'data of no bytes': [settings, frame(1, frameType.open), frame(1, frameType.data)],
    'credit of nothing': [settings, frame(1, frameType.open), frame(1, frameType.window, u32(0))],
    'credit without end': [settings, frame(1, frameType.open), frame(1, frameType.window, u32(0xffff_ffff))],
    'nothing given back': [settings, frame(1, frameType.open), frame(1, frameType.unused, u32(0))],
    'more given back than was allowed': [settings, frame(1, frameType.open), frame(1, frameType.unused, u32(65_537))],
    'given back what every stream has': [settings, frame(1, frameType.open), frame(1, frameType.unused, u32(65_536))],
    'a connection frame on a stream': [settings, frame(1, frameType.ping, Buffer.alloc(8))],
    'a stream frame on the connection': [settings, frame(0, frameType.open)],
    'settings twice': [settings, settings],
  };

  it.each(Object.keys(misdeeds))('%s', async (name) => {
    // Nothing is read of a stream whose echo cannot be written: windows fill.
    const { listener, ends } = await startServer({ streams: 4, streamWindow: 65_536, connectionWindow: 65_536 });
    const peer = await rawPeer(listener.port);
    for (const bytes of misdeeds[name] ?? []) peer.write(bytes);
    await waitFor(() => ends.length === 1);
    expect(ends[0]).toMatch(/^protocol: /);
    await waitFor(() => peer.closed);
  });

  it.each([
    ['no settings at first', frame(1, frameType.open)],
    ['data at first', frame(1, frameType.data, Buffer.from('x'))],
    ['another version', frame(0, frameType.settings, u32(2, 1, 1))],
  ])('%s: it never becomes a carrier', async (_name, bytes) => {
    const { listener } = await startServer();
    const peer = await rawPeer(listener.port);
    peer.write(bytes);
    await waitFor(() => peer.closed);
    expect(listener.stats()).toEqual({ carriers: 0, refused: 1 });
  });

  it('resets without end', async () => {
    const { listener, ends } = await startServer();
    const peer = await rawPeer(listener.port);
    peer.write(settings);
    const round = (id: number) => [frame(id, frameType.open), frame(id, frameType.reset, Buffer.from('cancelled'))];
    for (let id = 1; id < 40_000 && !peer.destroyed; id += 2) peer.write(Buffer.concat(round(id)));
    await waitFor(() => ends.length === 1);
    expect(ends[0]).toBe('protocol: too many resets');
  });
});

describe('what a peer says is shown to people', () => {
  it('without what would steer a terminal', async () => {
    const { listener, ends } = await startServer();
    const peer = await rawPeer(listener.port);
    peer.write(Buffer.concat([settings, frame(0, frameType.close, Buffer.from('gone \u001b[2J\u0007bye\u202e'))]));
    await waitFor(() => ends.length === 1);
    expect(ends[0]).toBe('gone: ?[2J?bye?');
  });
});

describe(`frames that are noise, cut off, changed and replayed (seed ${fuzzSeed})`, () => {
  it('end their own connection at most; the one beside goes on', async () => {
    const random = new SeededRandom(fuzzSeed);
    const { listener } = await startServer({ streams: 64 });
    const healthy = await connect({
      host: '127.0.0.1',
      port: listener.port,
      trust: { ca: credentials.ca },
      carriers: ['tls'],
    });
    cleanUps.push(() => healthy.close({ code: 'done' }));
    // Each connection costs a handshake: `mux-fuzz.spec.ts` has as many cases as are wanted, without TLS below.
    const cases = fuzzCases(0.2);
    const memory = new MemoryCourse(cases);
    for (let count = 0; count < cases; memory.reached(count)) {
      const peer = await rawPeer(listener.port);
      peer.write(settings);
      const frames = lifeOf(random);
      for (let step = 0; step < 200 && !peer.destroyed; step++, count++) {
        const good = frames.next().value;
        peer.write(random.below(12) === 0 ? random.mutate(good) : good);
      }
      if (random.below(2) === 0) peer.destroy();
      else peer.end();
      await waitFor(() => peer.closed, { intervalMs: 1 });
      await echo(healthy, random.bytes(1 + random.below(3_000)));
    }
    memory.expectFlat();
  });
});
