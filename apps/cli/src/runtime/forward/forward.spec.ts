import { randomUUID } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { frameTypes } from '@gatehouse/session';
import { freePort, tempDir, waitFor } from '@gatehouse/testing';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { startInTerminal } from '../process/pseudo-terminal.js';
import { TestClient } from '../stream/client.fixture.js';
import { serveForward } from './serve-forward.js';
import { parseTarget } from './target.js';

const root = tempDir('forward');
afterAll(() => root.remove());
const toEnd: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of toEnd.splice(0)) await end();
});

const forward = (target: string, grant = {}) => {
  const client = new TestClient(serveForward, { kind: 'forward', target }, grant);
  toEnd.push(() => client.revoke());
  return client;
};
const accepted = (client: TestClient) => client.until(() => client.of(frameTypes.accepted).length === 1, 'accepted');

async function serverOf(serve: (socket: Socket) => void, at: { port?: number; path?: string } = {}): Promise<number> {
  const server: Server = createServer({ allowHalfOpen: true }, serve);
  await new Promise<void>((resolve) => server.listen(at.path ?? { port: at.port ?? 0, host: '127.0.0.1' }, resolve));
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  toEnd.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as { port?: number }).port ?? 0;
}

describe('a target', () => {
  it.each([
    ['tcp:localhost:80', { kind: 'tcp', host: 'localhost', port: 80 }],
    ['tcp:192.168.1.5:80', { kind: 'tcp', host: '192.168.1.5', port: 80 }],
    ['udp:[fe80::1%eth0]:53', { kind: 'udp', host: 'fe80::1%eth0', port: 53 }],
    ['unix:/run/../run/docker.sock', { kind: 'unix', path: '/run/docker.sock' }],
    ['serial:/dev/ttyUSB0', { kind: 'serial', path: '/dev/ttyUSB0', baud: 115_200 }],
    ['serial:ttyUSB0:9600', { kind: 'serial', path: '/dev/ttyUSB0', baud: 9_600 }],
    ['serial:/dev/serial/by-id/usb-x', { kind: 'serial', path: '/dev/serial/by-id/usb-x', baud: 115_200 }],
    ['reverse:8080', { kind: 'reverse', port: 8_080 }],
  ])('%s', (text, target) => expect(parseTarget(text)).toEqual(target));

  it.each([
    ...['', 'tcp:', 'tcp:host', 'tcp:host:0', 'tcp:host:65536', 'tcp:::1:80', 'tcp:a b:80', 'tcp:-:x', 'unix:relative'],
    ...['unix:/a\0b', 'serial:../etc/passwd', 'serial:/etc/passwd', 'serial:ttyS0:7', 'reverse:0', 'reverse:host:80'],
    ...['http://x', 'tcp:host:80\n'],
  ])('%j is none', (text) => expect(parseTarget(text)).toBeUndefined());
});

describe('a connection', () => {
  it('half of it ends, and the answer still comes: nothing is cut', async () => {
    const port = await serverOf((socket) => {
      const parts: Buffer[] = [];
      socket.on('data', (chunk) => parts.push(chunk as Buffer));
      socket.on('end', () => socket.end(Buffer.concat(parts).reverse()));
    });
    const client = forward(`tcp:127.0.0.1:${port}`);
    await accepted(client);
    const bytes = Buffer.from(Array.from({ length: 500_000 }, (_, i) => (i * 31) % 256));
    for (let at = 0; at < bytes.length; at += 60_000) client.send(bytes.subarray(at, at + 60_000));
    client.eof();
    await client.end();
    expect(client.bytes().equals(bytes.reverse())).toBe(true);
    expect(client.of(frameTypes.eof).length).toBe(1);
  });

  it('the other half first: what is sent afterwards still arrives', async () => {
    let got = '';
    const port = await serverOf((socket) => {
      socket.end('hello');
      socket.on('data', (chunk) => {
        got += String(chunk);
      });
    });
    const client = forward(`tcp:127.0.0.1:${port}`);
    await client.until(() => client.of(frameTypes.eof).length === 1, 'their end');
    client.send('late');
    client.eof();
    await client.end();
    expect([client.text(), await waitFor(() => got)]).toEqual(['hello', 'late']);
  });

  it('a slow reader at either end stops the other, and gets everything', async () => {
    let peer: Socket | undefined;
    let got = 0;
    const port = await serverOf((socket) => {
      peer = socket;
      socket.pause();
      socket.on('data', (chunk) => {
        got += chunk.length;
      });
      socket.write(Buffer.alloc(20_000_000));
    });
    const client = forward(`tcp:127.0.0.1:${port}`);
    client.stream.pause();
    await waitFor(() => peer !== undefined && peer.writableLength > 0);
    for (let i = 0; i < 300; i++) client.send(Buffer.alloc(60_000));
    client.eof();
    expect(got).toBe(0);
    peer?.resume();
    client.stream.resume();
    await waitFor(() => got === 18_000_000);
    await client.until(() => client.bytes().length === 20_000_000);
  });

  it('that nobody takes is unreachable; a name that there is not, too', async () => {
    expect(await forward(`tcp:127.0.0.1:${await freePort()}`).end()).toMatchObject({ code: 'unreachable' });
    expect(await forward('tcp:no-such-host.invalid:80').end()).toMatchObject({ code: 'unreachable' });
    expect(await forward(`unix:${root.path}/none.sock`).end()).toMatchObject({ code: 'unreachable' });
  });

  it('to a socket of the file system', async () => {
    const path = join(root.path, 'echo.sock');
    await serverOf((socket) => socket.pipe(socket), { path });
    const client = forward(`unix:${path}`);
    await accepted(client);
    client.send('through');
    client.eof();
    await client.end();
    expect(client.text()).toBe('through');
  });

  it('is closed when the session is over', async () => {
    let isClosed = false;
    const port = await serverOf((socket) => socket.on('close', () => (isClosed = true)).resume());
    const client = forward(`tcp:127.0.0.1:${port}`);
    await accepted(client);
    client.revoke();
    await waitFor(() => isClosed);
  });

  it('that breaks off is told as that', async () => {
    const port = await serverOf((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const client = forward(`tcp:127.0.0.1:${port}`);
    await accepted(client);
    client.send('x');
    expect(await client.end()).toMatchObject({ code: 'io' });
  });

  it('to what was not granted is not made', async () => {
    let isReached = false;
    const port = await serverOf(() => (isReached = true));
    const scope = { kind: 'forward', targets: ['tcp:127.0.0.1:1'] };
    expect(await forward(`tcp:127.0.0.1:${port}`, { scope }).end()).toMatchObject({ code: 'not_granted' });
    expect(isReached).toBe(false);
  });
});

describe('datagrams', () => {
  const datagram = (flow: number, text: string) => {
    const bytes = Buffer.concat([Buffer.alloc(4), Buffer.from(text)]);
    bytes.writeUInt32BE(flow);
    return bytes;
  };

  it('each flow has a socket of its own: answers reach whom they are for', async () => {
    const server = createSocket('udp4');
    const peers = new Set<number>();
    server.on('message', (message, { port }) => {
      peers.add(port);
      server.send(`${message}!`, port, '127.0.0.1');
    });
    await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve));
    toEnd.push(() => server.close());
    const client = forward(`udp:127.0.0.1:${server.address().port}`);
    for (let i = 0; i < 50; i++) client.stream.send(frameTypes.datagram, datagram(i % 5, `${i % 5}:${i}`));
    await client.until(() => client.of(frameTypes.datagram).length === 50, 'every answer');
    expect(peers.size).toBe(5);
    for (const answer of client.of(frameTypes.datagram))
      expect(answer.subarray(4).toString()).toMatch(new RegExp(`^${answer.readUInt32BE(0)}:\\d+!$`));
  });

  it('one that nobody takes ends nothing', async () => {
    const port = await freePort();
    const client = forward(`udp:127.0.0.1:${port}`);
    await accepted(client);
    client.stream.send(frameTypes.datagram, datagram(1, 'lost'));
    const server = createSocket('udp4');
    server.on('message', (message, from) => server.send(message, from.port, from.address));
    await new Promise<void>((resolve) => server.bind(port, '127.0.0.1', resolve));
    toEnd.push(() => server.close());
    await waitFor(() => {
      client.stream.send(frameTypes.datagram, datagram(1, 'again'));
      return client.of(frameTypes.datagram).some((one) => one.subarray(4).toString() === 'again');
    });
  });

  it('what is none ends the stream', async () => {
    const client = forward('udp:127.0.0.1:9');
    await accepted(client);
    client.send('x');
    expect(await client.end()).toMatchObject({ code: 'protocol' });
  });
});

describe('a reverse forward', () => {
  const frameOf = (channel: number, text = '') => {
    const bytes = Buffer.concat([Buffer.alloc(4), Buffer.from(text)]);
    bytes.writeUInt32BE(channel);
    return bytes;
  };
  const framesOf = (client: TestClient, channel: number) =>
    client
      .of(frameTypes.channel)
      .filter((one) => one.readUInt32BE(0) === channel)
      .map((one) => one.subarray(4).toString());

  it('hands connections of the loopback over, each half ended by itself', async () => {
    const port = await freePort();
    const client = forward(`reverse:${port}`);
    await accepted(client);
    const dial = () => connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const [first, second] = [dial(), dial()];
    const texts = ['', ''];
    for (const [i, socket] of [first, second].entries()) socket.on('data', (chunk) => (texts[i] += String(chunk)));
    await client.until(() => client.of(frameTypes.channel).length === 2, 'both opened');
    first.end('one');
    await client.until(() => [1, 2].some((n) => framesOf(client, n).join('|') === '|one|'), 'its half');
    const channel = framesOf(client, 1).length > 1 ? 1 : 2;
    client.stream.send(frameTypes.channel, frameOf(channel, 'answer'));
    client.stream.send(frameTypes.channel, frameOf(channel));
    await waitFor(() => texts[0] === 'answer' && first.readableEnded);
    client.stream.send(frameTypes.channel, frameOf(3 - channel, 'other'));
    await waitFor(() => texts[1] === 'other');
    second.destroy();
    await client.until(() => framesOf(client, 3 - channel).length === 2, 'its end');
  });

  it('listens on the loopback alone', async () => {
    const port = await freePort();
    await accepted(forward(`reverse:${port}`));
    const others = Object.values(networkInterfaces()).flatMap((one) => one ?? []);
    for (const { address } of others.filter(({ internal, family }) => !internal && family === 'IPv4')) {
      const socket = connect({ port, host: address });
      const error = await new Promise<NodeJS.ErrnoException>((resolve) => socket.once('error', resolve));
      expect(error.code).toBe('ECONNREFUSED');
    }
  });

  it('of a port that is in use is refused; afterwards the port is free again', async () => {
    const port = await freePort();
    const client = forward(`reverse:${port}`);
    await accepted(client);
    expect(await forward(`reverse:${port}`).end()).toMatchObject({ code: 'busy' });
    client.revoke();
    await waitFor(async () => {
      const next = forward(`reverse:${port}`);
      await next.until(() => next.frames.length > 0);
      return next.of(frameTypes.accepted).length === 1;
    });
  });
});

describe('a serial line', () => {
  /** A terminal whose other side is a program: the nearest thing to a line that every machine has. */
  async function line() {
    const name = join(root.path, randomUUID());
    const program = startInTerminal({
      file: '/bin/sh',
      args: ['-c', `tty > ${name}.new; mv ${name}.new ${name}; sleep 1000`],
      ...{ environment: { PATH: process.env.PATH ?? '' }, cwd: '/', rows: 24, columns: 80, onExit: () => undefined },
    });
    const heard: Buffer[] = [];
    program.output.on('data', (chunk: Buffer) => heard.push(chunk));
    toEnd.push(() => {
      process.kill(program.pid, 'SIGKILL');
      program.release();
    });
    const path = await waitFor(() => readFileSync(name, 'utf8').trim());
    const client = forward(`serial:${path}:9600`);
    await accepted(client);
    return { path, client, heard: () => Buffer.concat(heard), say: (bytes: Uint8Array) => program.input.write(bytes) };
  }

  it('bytes go both ways as they are', async () => {
    const { client, heard, say } = await line();
    const bytes = Buffer.from([0, 3, 4, 10, 13, 17, 19, 26, 127, 255]);
    client.send(bytes);
    await waitFor(() => heard().equals(bytes));
    say(bytes);
    await client.until(() => client.bytes().equals(bytes));
  });

  it('ends when its input did and it was silent, and what it answers until then is told', async () => {
    const { path, client, heard, say } = await line();
    const bytes = Buffer.alloc(200_000, 'status\r');
    for (let at = 0; at < bytes.length; at += 50_000) client.send(bytes.subarray(at, at + 50_000));
    client.eof();
    await waitFor(() => heard().equals(bytes));
    say(Buffer.from('ready'));
    expect(await client.end()).toBeUndefined();
    expect([client.text(), client.of(frameTypes.eof).length]).toEqual(['ready', 1]);
    const isOpen = (fd: string) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`) === path;
      } catch {
        return false;
      }
    };
    // One is the terminal's own, which keeps its program's side open.
    const holders = () => readdirSync('/proc/self/fd').filter(isOpen).length;
    await waitFor(() => holders() === 1, { message: () => `nobody has the line any more: ${holders()}` });
  });

  it('that is none is refused', async () => {
    expect(await forward('serial:/dev/null').end()).toMatchObject({ code: 'unsupported' });
    expect(await forward('serial:ttyNone0').end()).toMatchObject({ code: 'not_found' });
  });
});
