import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { waitFor } from '@gatehouse/testing';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Carrier } from '../carrier.js';
import { connect } from '../connect.js';
import { listen } from '../listen.js';
import { type Credentials, echo, echoEverything, newCredentials, pour, Reader } from '../pair.fixture.js';
import { localOf, openSocket } from './client-socket.js';
import { Outlet } from './outlet.js';
import type { QuicCarrier } from './quic-carrier.js';
import { UdpProxy } from './udp-proxy.fixture.js';

const mebibyte = 1 << 20;
let credentials: Credentials;
const cleanUps: (() => unknown)[] = [];

beforeAll(async () => {
  credentials = await newCredentials();
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** A client behind a proxy. */
async function throughProxy(limits = {}, port = 0) {
  const arrived: Carrier[] = [];
  const listener = await listen({
    host: '127.0.0.1',
    port,
    certificate: credentials.certificate,
    key: credentials.key,
    carriers: ['quic'],
    limits,
    onCarrier: (carrier) => arrived.push(carrier),
  });
  const proxy = await UdpProxy.to(listener.port);
  const client = (await connect({
    host: '127.0.0.1',
    port: proxy.port,
    trust: { ca: credentials.ca },
    carriers: ['quic'],
    limits,
  })) as QuicCarrier;
  const server = await waitFor(() => arrived[0]);
  cleanUps.push(async () => {
    await Promise.all([client.close({ code: 'done' }), server.close({ code: 'done' })]);
    await listener.close();
    proxy.close();
  });
  return { client, server, listener, proxy };
}

describe('a path that changes', () => {
  it('the client goes on when a NAT gives it another port, time and again, and the server says where it is', async () => {
    const { client, server, proxy } = await throughProxy();
    echoEverything(server);
    const reader = new Reader(client.open());
    for (let round = 0; round < 14; round++) {
      const before = server.remoteAddress;
      await proxy.rebind();
      reader.stream.write(Buffer.from('x'.repeat(1_000)));
      await waitFor(() => reader.bytes === (round + 1) * 1_000 && server.remoteAddress !== before, {
        message: () => `round ${round}: ${reader.bytes} bytes`,
      });
    }
    reader.stream.end();
    await reader.whenEnded();
  });

  it('a transfer goes on over it, nothing lost and nothing doubled', async () => {
    const { client, server, proxy } = await throughProxy();
    echoEverything(server);
    const reader = new Reader(client.open());
    const ends: string[] = [];
    client.onClose = ({ code, detail }) => ends.push(`client ${code}: ${detail}`);
    server.onClose = ({ code, detail }) => ends.push(`server ${code}: ${detail}`);
    pour(reader.stream, 8 * mebibyte, Buffer.from(Array.from({ length: 10_007 }, (_, index) => index % 251)));
    for (let part = 1; part < 8; part++) {
      await waitFor(() => reader.bytes > part * mebibyte, {
        timeoutMs: 60_000,
        message: () => `${reader.bytes} bytes after ${part - 1} moves; ${ends.join()}`,
      });
      await proxy.rebind();
    }
    await reader.whenEnded();
    const all = Buffer.concat(reader.chunks);
    expect(all.length).toBe(8 * mebibyte);
    expect(all.every((byte, index) => byte === (index % 10_007) % 251)).toBe(true);
  });

  it('too often, and the connection ends on both sides, with a reason', async () => {
    const { client, server, proxy } = await throughProxy({ idleMs: 2_000, keepAliveMs: 50 });
    const ends: string[] = [];
    client.onClose = ({ code }) => ends.push(code);
    server.onClose = ({ code }) => ends.push(code);
    for (let round = 0; round < 40 && ends.length === 0; round++) {
      const before = server.remoteAddress;
      await proxy.rebind();
      await waitFor(() => ends.length > 0 || server.remoteAddress !== before);
    }
    await waitFor(() => ends.length === 2);
    expect(ends).toEqual(['lost', 'lost']);
  });

  it('to where nobody answers, and the server gives the connection up: on another, streams go on', async () => {
    const { client, server, proxy } = await throughProxy({ idleMs: 60_000, keepAliveMs: 50 });
    let end: string | undefined;
    server.onClose = ({ code, detail }) => {
      end = `${code}: ${detail}`;
    };
    // The way back from the new address is closed.
    await proxy.rebind();
    proxy.tamper = (datagram, direction) => (direction === 'up' ? [datagram] : []);
    const stream = client.open();
    const filler = setInterval(() => stream.write(Buffer.alloc(1_000)), 50);
    cleanUps.push(() => clearInterval(filler));
    await waitFor(() => end);
    expect(end).toBe('lost: the address changed, and nobody answers at the new one');
  });

  it('while nothing but the server has anything to say: the client asks when it hears no more', async () => {
    const { client, server, proxy } = await throughProxy({ idleMs: 60_000, keepAliveMs: 30_000 });
    server.onStream = (stream) => pour(stream, 4 * mebibyte, Buffer.alloc(10_007, 3));
    const reader = new Reader(client.open());
    await waitFor(() => reader.bytes > mebibyte);
    await proxy.rebind();
    await reader.whenEnded();
    expect(reader.bytes).toBe(4 * mebibyte);
  });

  it('the client moves to another socket of its own, time and again', async () => {
    const { client, server, listener } = await throughProxy();
    echoEverything(server);
    // Straight to the server from now on: another address of the client's, the same of the server's as the client knows it.
    expect(listener.port).not.toBe(Number(client.remoteAddress.split(':')[1]));
    const remote = { host: '127.0.0.1', port: Number(client.remoteAddress.split(':')[1]) };
    for (let round = 0; round < 14; round++) {
      const socket = await openSocket(remote);
      cleanUps.push(() => socket.close());
      await waitFor(() => client.migrate(new Outlet(socket, true), localOf(socket), remote), {
        message: `round ${round}`,
      });
      const info = { from: remote, to: localOf(socket) };
      socket.on('message', (datagram: Buffer) => client.receive(datagram, info));
      await echo(client, Buffer.from(`round ${round}`));
    }
  });
});

describe('a bad network', () => {
  it('that loses, doubles and reorders one in ten datagrams changes nothing but the speed', async () => {
    const { client, server, proxy } = await throughProxy();
    echoEverything(server);
    let held: Buffer[] = [];
    let count = 0;
    proxy.tamper = (datagram) => {
      const release = held;
      held = [];
      count++;
      if (count % 10 === 3) return release;
      if (count % 10 === 6) return [datagram, datagram, ...release];
      if (count % 10 === 9) {
        held = [...release, datagram];
        return [];
      }
      return [datagram, ...release];
    };
    const reader = new Reader(client.open());
    pour(reader.stream, 2 * mebibyte, Buffer.from(Array.from({ length: 10_007 }, (_, index) => index % 251)));
    await reader.whenEnded();
    const all = Buffer.concat(reader.chunks);
    expect(all.length).toBe(2 * mebibyte);
    expect(all.every((byte, index) => byte === (index % 10_007) % 251)).toBe(true);
    expect(client.stats().lostPackets).toBeGreaterThan(0);
  });

  it('that let the handshake pass and takes no larger packets without a word still carries everything, both ways', async () => {
    const { client, server, proxy } = await throughProxy();
    echoEverything(server);
    let dropped = 0;
    proxy.tamper = (datagram) => {
      if (datagram.length <= 1_250) return [datagram];
      dropped++;
      return [];
    };
    const reader = new Reader(client.open());
    pour(reader.stream, mebibyte, Buffer.from(Array.from({ length: 10_007 }, (_, index) => index % 251)));
    await reader.whenEnded();
    const all = Buffer.concat(reader.chunks);
    expect(all.length).toBe(mebibyte);
    expect(all.every((byte, index) => byte === (index % 10_007) % 251)).toBe(true);
    expect(dropped).toBeGreaterThan(0);
  });

  it('that takes nothing any more is noticed on both sides', async () => {
    const { client, server, proxy } = await throughProxy({ idleMs: 400, keepAliveMs: 100 });
    const stream = new Reader(client.open());
    const ends: string[] = [];
    client.onClose = ({ code }) => ends.push(`client ${code}`);
    server.onClose = ({ code }) => ends.push(`server ${code}`);
    proxy.tamper = () => [];
    await waitFor(() => ends.length === 2);
    expect(ends.sort()).toEqual(['client timeout', 'server timeout']);
    expect(stream.reset?.code).toBe('timeout');
  });
});

describe('a server that has forgotten', () => {
  it('tells the client, which does not wait for its patience to end', async () => {
    const { client, server, listener, proxy } = await throughProxy({ idleMs: 60_000, keepAliveMs: 100 });
    proxy.tamper = () => [];
    await server.close({ code: 'done' });
    await listener.close();
    let end: string | undefined;
    client.onClose = ({ code }) => {
      end = code;
    };
    // As after a restart: the same key, the same port, and nothing known.
    const again = await listen({
      host: '127.0.0.1',
      port: listener.port,
      certificate: credentials.certificate,
      key: credentials.key,
      carriers: ['quic'],
      onCarrier: () => {},
    });
    cleanUps.push(() => again.close());
    proxy.tamper = (datagram) => [datagram];
    // The client asks less often the longer it hears nothing.
    await waitFor(() => end, { timeoutMs: 40_000 });
    expect(end).toBe('lost');
  });

  it('is not believed when it does not know the token', async () => {
    const { client, server, proxy } = await throughProxy({ idleMs: 60_000, keepAliveMs: 100 });
    echoEverything(server);
    let forged = 0;
    proxy.tamper = (datagram, direction) => {
      if (direction === 'up') return [datagram];
      forged++;
      const fake = Buffer.alloc(60, 0x41 + (forged % 20));
      return [fake, datagram];
    };
    for (let round = 0; round < 20; round++) await echo(client, Buffer.from(`round ${round}`));
    expect(forged).toBeGreaterThanOrEqual(20);
  });
});

describe('strangers', () => {
  it('get no larger answer than what they sent, and the server keeps nothing of them', async () => {
    const { listener, server, client } = await throughProxy();
    echoEverything(server);
    const stranger = createSocket('udp4');
    cleanUps.push(() => stranger.close());
    stranger.connect(listener.port, '127.0.0.1');
    await once(stranger, 'connect');
    const answers: number[] = [];
    stranger.on('message', (datagram) => answers.push(datagram.length));
    const initial = Buffer.alloc(1_200, 7);
    initial.set([0xc0, 0, 0, 0, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 4, 1, 2, 3, 4, 0, 0x44, 0x96]);
    const otherVersion = Buffer.from(initial);
    otherVersion.writeUInt32BE(0x5a5a5a5a, 1);
    const short = Buffer.alloc(90, 0x42);
    stranger.send(initial);
    stranger.send(otherVersion);
    stranger.send(short);
    await waitFor(() => answers.length === 3, { message: () => answers.join() });
    expect(answers.every((length) => length <= 1_200)).toBe(true);
    expect(answers.filter((length) => length < 90)).toHaveLength(2);
    // Too small to be a first packet, too short to be answered, or an answer itself.
    stranger.send(initial.subarray(0, 1_100));
    stranger.send(Buffer.alloc(38, 0x42));
    stranger.send(Buffer.concat([Buffer.of(0x80, 0, 0, 0, 0), Buffer.alloc(1_300)]));
    await echo(client, Buffer.from('meanwhile'));
    expect(answers).toHaveLength(3);
    expect(listener.stats()).toEqual({ carriers: 1, refused: 0 });
  });
});
