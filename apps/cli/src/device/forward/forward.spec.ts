import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { frameTypes } from '@gatehouse/session';
import { freePort, tempDir, waitFor } from '@gatehouse/testing';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { Tools } from '../../command.js';
import { Failure } from '../../failure.js';
import { Output } from '../../output/output.js';
import type { World } from '../../world.js';
import { deviceServing, nothing, type Opened } from '../device.fixture.js';
import type { Dial } from '../dial/dial.js';
import { runForwards } from './forward.js';
import { parseForwards, parseReverse } from './parse-target.js';
import { Flows } from './udp.js';

const folder = tempDir('cli-forward');
afterAll(() => folder.remove());

/** Runs a forward until the test is over; gives what it told, and how it ended. */
async function forwarding(dial: Dial, targets: readonly string[], reverses: readonly string[] = []) {
  const told: string[] = [];
  const notes: string[] = [];
  const world = {
    writeOut: (line: string) => told.push(line.trim()),
    writeError: (line: string) => notes.push(line),
    env: {},
  };
  const tools = {
    world,
    output: new Output(world as unknown as World, { json: false, utc: true }),
  } as unknown as Tools;
  const stop = new AbortController();
  const asked = { forwards: parseForwards(targets), reverses: reverses.map(parseReverse), bind: '127.0.0.1' };
  const ended = runForwards(tools, dial, asked, stop.signal).then(
    () => 'stopped',
    (error: Failure) => error.message,
  );
  await Promise.race([waitFor(() => told.length === asked.forwards.length + asked.reverses.length), ended]);
  const stopped = () => {
    stop.abort();
    return ended;
  };
  return { told, notes, ended, stop: stopped };
}

const connected = async (where: { port: number } | { path: string }): Promise<Socket> => {
  const socket = connect({ ...('path' in where ? where : { host: '127.0.0.1', ...where }), allowHalfOpen: true });
  await once(socket, 'connect');
  return socket;
};

/** That it comes to nothing, however far it came. */
async function broken(port: number): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port });
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.on('close', resolve));
}

async function everything(socket: Socket): Promise<string> {
  let got = '';
  for await (const chunk of socket) got += chunk;
  return got;
}

/** Says back what it got, once all of it is there: who shuts down writing still gets the answer. */
function echoAtEnd({ stream }: Opened): void {
  const got: Buffer[] = [];
  stream.onFrame = (type, payload) => {
    if (type === frameTypes.data) got.push(Buffer.from(payload));
    if (type !== frameTypes.eof) return;
    stream.send(frameTypes.data, Buffer.concat(got));
    stream.send(frameTypes.eof, nothing);
    stream.end();
  };
}

describe('ports', () => {
  it('lead over, each half ended by itself, several at once under one grant', async () => {
    const [a, b] = [await freePort(), await freePort()];
    const device = deviceServing(echoAtEnd);
    const running = await forwarding(device.dial, [`${a}:80`, `${b}:db:5432`]);
    expect(running.told).toEqual([`127.0.0.1:${a} -> tcp:127.0.0.1:80`, `127.0.0.1:${b} -> tcp:db:5432`]);
    const answers = [a, b, a].map(async (port, i) => {
      const socket = await connected({ port });
      socket.end(`hello ${i}`);
      return everything(socket);
    });
    expect(await Promise.all(answers)).toEqual(['hello 0', 'hello 1', 'hello 2']);
    const targets = ['tcp:127.0.0.1:80', 'tcp:db:5432'];
    expect(device.opened.map(({ scope }) => scope)).toEqual(Array(3).fill({ kind: 'forward', targets }));
    expect(await running.stop()).toBe('stopped');
    await expect(connected({ port: a })).rejects.toThrow('ECONNREFUSED');
  });

  it('one that fails is told, and the others go on', async () => {
    const port = await freePort();
    let calls = 0;
    const device = deviceServing((opened) =>
      ++calls === 1
        ? opened.stream.sendJson(frameTypes.error, { code: 'unreachable', detail: 'refused' })
        : echoAtEnd(opened),
    );
    const running = await forwarding(device.dial, [String(port)]);
    await broken(port);
    const fine = await connected({ port });
    fine.end('x');
    expect(await everything(fine)).toBe('x');
    expect(running.notes.join()).toContain('refused');
    await running.stop();
  });

  it('a right that is gone ends the call', async () => {
    const port = await freePort();
    const denied: Dial = () => Promise.reject(new Failure(4, 'denied by policy'));
    const running = await forwarding(denied, [String(port)]);
    await broken(port);
    expect(await running.ended).toBe('denied by policy');
  });

  it('one that is taken is named, and nothing listens', async () => {
    const [free, port] = [await freePort(), await freePort()];
    const server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    const { ended } = await forwarding(deviceServing(echoAtEnd).dial, [String(free), String(port)]);
    expect(await ended).toContain(`127.0.0.1:${port} cannot be listened on (EADDRINUSE)`);
    await expect(connected({ port: free })).rejects.toThrow('ECONNREFUSED');
    server.close();
  });

  it('carry megabytes both ways as they are, however slowly somebody reads', async () => {
    const port = await freePort();
    const device = deviceServing(({ stream }) => {
      stream.onFrame = (type, payload) => {
        if (type === frameTypes.data && !stream.send(frameTypes.data, Buffer.from(payload))) stream.pause();
        if (type === frameTypes.eof) {
          stream.send(frameTypes.eof, nothing);
          stream.end();
        }
      };
      stream.onDrain = () => stream.resume();
    });
    const running = await forwarding(device.dial, [String(port)]);
    const socket = await connected({ port });
    const bytes = Buffer.alloc(8 * 1024 * 1024, 'abcdefg');
    socket.end(bytes);
    const got: Buffer[] = [];
    for await (const chunk of socket) got.push(chunk as Buffer);
    expect(Buffer.concat(got).equals(bytes)).toBe(true);
    await running.stop();
  });
});

describe('sockets', () => {
  it('are for their owner alone, and gone afterwards', async () => {
    const path = join(folder.path, 'a.sock');
    const running = await forwarding(deviceServing(echoAtEnd).dial, [`${path}:/run/b.sock`]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const socket = await connected({ path });
    socket.end('x');
    expect(await everything(socket)).toBe('x');
    await running.stop();
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
  });

  it('one that fails, or is open when the call ends, ends both sides and nothing else', async () => {
    const path = join(folder.path, 'c.sock');
    let calls = 0;
    const [ends, streams]: [unknown[], Opened['stream'][]] = [[], []];
    const device = deviceServing(({ stream }) => {
      stream.onReset = (end) => ends.push(end.code);
      streams.push(stream);
      if (++calls === 1) stream.sendJson(frameTypes.error, { code: 'unreachable', detail: 'refused' });
    });
    const running = await forwarding(device.dial, [`${path}:/run/b.sock`]);
    expect(await everything(await connected({ path }))).toBe('');
    const open = [everything(await connected({ path })), everything(await connected({ path }))];
    await waitFor(() => calls === 3);
    const before = running.notes.length;
    const stopped = running.stop();
    // As the end of all sessions does, before the socket here is quite gone.
    streams[1]?.reset({ code: 'cancelled' });
    await stopped;
    expect(await Promise.all(open)).toEqual(['', '']);
    await waitFor(() => ends.length === 1);
    expect([ends, running.notes.slice(before)]).toEqual([['cancelled'], []]);
  });

  it('take no place of something else', async () => {
    const path = join(folder.path, 'mine');
    writeFileSync(path, 'precious');
    const { ended } = await forwarding(deviceServing(echoAtEnd).dial, [path]);
    expect(await ended).toContain('there already');
    expect(statSync(path).size).toBe(8);
  });
});

describe('datagrams', () => {
  it('are answered to whom they came from', async () => {
    const port = await freePort();
    const device = deviceServing(({ stream }) => {
      stream.onFrame = (type, payload) => type === frameTypes.datagram && stream.send(type, Buffer.from(payload));
    });
    const running = await forwarding(device.dial, [`${port}:53/udp`]);
    const senders = [createSocket('udp4'), createSocket('udp4')];
    const got: string[][] = [[], []];
    for (const [i, sender] of senders.entries()) sender.on('message', (bytes) => got[i]?.push(String(bytes)));
    // The first ones open the stream, and may be lost as datagrams are.
    await waitFor(() => {
      for (const [i, sender] of senders.entries()) sender.send(`from ${i}`, port, '127.0.0.1');
      return got.every((each) => each.length > 0);
    });
    expect(got.map((each) => [...new Set(each)])).toEqual([['from 0'], ['from 1']]);
    for (const sender of senders) sender.close();
    await running.stop();
  });

  it('a sender keeps its number while it is heard of, and a silent one makes room', () => {
    const flows = new Flows();
    const first = flows.of({ address: 'a', port: 1 }, 0);
    expect(flows.of({ address: 'a', port: 1 }, 59_000).id).toBe(first.id);
    flows.of({ address: 'b', port: 1 }, 100_000);
    expect(flows.answered(first.id, 100_000)).toBeDefined();
    flows.of({ address: 'c', port: 1 }, 161_000);
    expect(flows.answered(first.id, 161_000)).toBeUndefined();
    for (let i = 0; i < 3_000; i++) flows.of({ address: 'd', port: i }, 161_000);
    expect(flows.size).toBe(1_024);
  });
});

describe('the other way round', () => {
  const framed = (id: number, bytes: Uint8Array = nothing) => {
    const header = Buffer.alloc(4);
    header.writeUInt32BE(id, 0);
    return Buffer.concat([header, bytes]);
  };

  it('a connection over there leads here, and whoever speaks first is heard', async () => {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.write('welcome ');
      socket.pipe(socket);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const got = new Map<number, string>();
    const ended = new Set<number>();
    const device = deviceServing(({ stream }) => {
      stream.onFrame = (_type, payload) => {
        const bytes = Buffer.from(payload);
        const id = bytes.readUInt32BE(0);
        if (bytes.length === 4) ended.add(id);
        got.set(id, (got.get(id) ?? '') + bytes.subarray(4).toString());
      };
    });
    const running = await forwarding(device.dial, [], [`9000:${port}`]);
    expect(running.told).toEqual([`reverse:9000 -> 127.0.0.1:${port}`]);
    const stream = device.opened[0]?.stream;
    for (const id of [1, 2]) stream?.send(frameTypes.channel, framed(id));
    await waitFor(() => got.size === 2);
    for (const id of [1, 2]) stream?.send(frameTypes.channel, framed(id, Buffer.from(`I am ${id}`)));
    for (const id of [1, 2]) stream?.send(frameTypes.channel, framed(id));
    await waitFor(() => ended.size === 2);
    expect([...got.values()].sort()).toEqual(['welcome I am 1', 'welcome I am 2']);
    expect(await running.stop()).toBe('stopped');
    server.close();
  });

  it('nobody here: that connection ends, the port stays', async () => {
    const ended: number[] = [];
    const device = deviceServing(({ stream }) => {
      stream.onFrame = (_type, payload) => payload.length === 4 && ended.push(Buffer.from(payload).readUInt32BE(0));
    });
    const running = await forwarding(device.dial, [], [`9000:${await freePort()}`]);
    for (const id of [7, 8]) {
      device.opened[0]?.stream.send(frameTypes.channel, framed(id));
      await waitFor(() => ended.includes(id));
    }
    await running.stop();
  });

  it('a port over there that is lost ends the call', async () => {
    const device = deviceServing(() => undefined);
    const running = await forwarding(device.dial, [], ['9000:1']);
    device.opened[0]?.stream.reset({ code: 'device_lost' });
    expect(await running.ended).toContain('the device is lost');
  });
});
