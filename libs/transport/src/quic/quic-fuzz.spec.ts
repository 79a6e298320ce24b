import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { fuzzCases, fuzzSeed, MemoryCourse, SeededRandom, waitFor } from '@gatehouse/testing';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Carrier, Listener } from '../carrier.js';
import { connect } from '../connect.js';
import { listen } from '../listen.js';
import { type Credentials, echo, echoEverything, newCredentials, Reader } from '../pair.fixture.js';
import { UdpProxy } from './udp-proxy.fixture.js';

const batch = 200;
/** Datagrams of both directions of real connections that are kept to be changed and replayed. */
const corpusSize = 400;

let credentials: Credentials;
const cleanUps: (() => unknown)[] = [];

beforeAll(async () => {
  credentials = await newCredentials();
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function startServer(): Promise<Listener> {
  const carriers = new Set<Carrier>();
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    certificate: credentials.certificate,
    key: credentials.key,
    carriers: ['quic'],
    maxHandshakes: 32,
    onCarrier: (carrier) => {
      carriers.add(carrier);
      carrier.onClose = (end) => void carrier.close(end).then(() => carriers.delete(carrier));
      echoEverything(carrier);
    },
  });
  cleanUps.push(async () => {
    // Those whose clients have left, too: until they have gone they keep the socket.
    await Promise.all([...carriers].map((carrier) => carrier.close({ code: 'done' })));
    await listener.close();
  });
  return listener;
}

/** Whoever calls it closes it. */
const dialOnce = (port: number): Promise<Carrier> =>
  connect({
    host: '127.0.0.1',
    port,
    trust: { ca: credentials.ca },
    carriers: ['quic'],
    limits: { largestDatagram: 1_350 },
  });

const dial = async (port: number): Promise<Carrier> => {
  const client = await dialOnce(port);
  cleanUps.push(() => client.close({ code: 'done' }));
  return client;
};

async function corpusOf(listener: Listener, random: SeededRandom): Promise<Buffer[]> {
  const corpus: Buffer[] = [];
  const proxy = await UdpProxy.to(listener.port);
  cleanUps.push(() => proxy.close());
  proxy.tamper = (datagram) => {
    if (corpus.length < corpusSize) corpus.push(Buffer.from(datagram));
    return [datagram];
  };
  const recorded = await dial(proxy.port);
  for (let round = 0; round < 8; round++) await echo(recorded, random.bytes(10_000));
  return corpus;
}

const send = (socket: Socket, datagram: Buffer): Promise<void> =>
  new Promise((done) => socket.send(datagram, () => done()));

describe('datagrams that are noise, cut off, changed, replayed and out of order', () => {
  it(`from strangers (seed ${fuzzSeed}): the server lives, keeps nothing, and serves a client beside them`, async () => {
    const random = new SeededRandom(fuzzSeed);
    const listener = await startServer();
    const corpus = await corpusOf(listener, random);
    const healthy = await dial(listener.port);
    const stranger = createSocket('udp4');
    cleanUps.push(() => stranger.close());
    stranger.connect(listener.port, '127.0.0.1');
    await once(stranger, 'connect');
    stranger.on('error', () => {});
    let answers = 0;
    stranger.on('message', () => answers++);
    const memory = new MemoryCourse(fuzzCases());
    for (let sent = 0; sent < fuzzCases(); sent += batch) {
      const datagrams = Array.from({ length: batch }, () => {
        const original = random.pick(corpus);
        return random.below(4) === 0 ? original : random.mutate(original);
      });
      await Promise.all(datagrams.map((datagram) => send(stranger, datagram)));
      memory.reached(sent);
      if (sent % (batch * 10) === 0) await echo(healthy, random.bytes(1 + random.below(5_000)));
    }
    await echo(healthy, random.bytes(20_000));
    memory.expectFlat();
    // Forgotten connections, other versions, a first packet without a token: they were read.
    expect(answers).toBeGreaterThan(0);
    const newcomer = await dial(listener.port);
    await echo(newcomer, Buffer.from('still there'));
  });

  it(`on the way of a connection (seed ${fuzzSeed}): it goes on, or ends with a reason; the one beside it goes on`, async () => {
    const random = new SeededRandom(fuzzSeed + 1);
    const listener = await startServer();
    const healthy = await dial(listener.port);
    const proxy = await UdpProxy.to(listener.port);
    cleanUps.push(() => proxy.close());
    let count = 0;
    let seen: Buffer[] = [];
    const cases = fuzzCases(0.25);
    const memory = new MemoryCourse(cases);
    let carried = 0;
    while (count < cases) {
      proxy.tamper = (datagram) => [datagram];
      const victim = await dialOnce(proxy.port);
      let ended: string | undefined;
      victim.onClose = ({ code }) => {
        ended = code;
      };
      proxy.tamper = (datagram) => {
        seen = [...seen.slice(-64), Buffer.from(datagram)];
        count++;
        const extra = random.below(3) === 0 ? random.mutate(datagram) : random.pick(seen);
        return random.below(2) === 0 ? [extra, datagram] : [datagram, extra];
      };
      const reader = new Reader(victim.open());
      const limit = count + 2_000;
      while (count < Math.min(limit, cases) && ended === undefined) {
        const had = reader.bytes;
        reader.stream.write(random.bytes(5_000));
        await waitFor(() => ended !== undefined || reader.bytes === had + 5_000, { intervalMs: 1 });
        carried += Number(ended === undefined);
      }
      await victim.close({ code: 'done' });
      await echo(healthy, random.bytes(3_000));
      memory.reached(count);
    }
    memory.expectFlat();
    expect(carried).toBeGreaterThan(0);
  });
});
