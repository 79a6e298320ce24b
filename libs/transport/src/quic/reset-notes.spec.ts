import { waitFor } from '@gatehouse/testing';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ByteStream, StreamEnd } from '../byte-stream.js';
import { type Credentials, connectPair, newCredentials, type Pair, pour } from '../pair.fixture.js';
import type { Connection } from './native.js';
import { ResetNotes } from './reset-notes.js';
import { UdpProxy } from './udp-proxy.fixture.js';

describe('a stream that is given up', () => {
  let credentials: Credentials;
  let pair: Pair;
  let proxy: UdpProxy;
  beforeAll(async () => {
    credentials = await newCredentials();
  });
  afterEach(async () => {
    await pair.close();
    proxy.close();
  });

  async function begin(): Promise<ByteStream[]> {
    const before = async (port: number) => {
      proxy = await UdpProxy.to(port);
      return proxy.port;
    };
    pair = await connectPair({ credentials, carriers: ['quic'], before });
    const arrived: ByteStream[] = [];
    pair.server.onStream = (stream) => arrived.push(stream);
    return arrived;
  }
  /** The next datagrams from the client. Returns how many were lost so far. */
  function lose(count: number): () => number {
    let lost = 0;
    proxy.tamper = (datagram, direction) => {
      if (direction !== 'up' || lost === count) return [datagram];
      lost++;
      return [];
    };
    return () => lost;
  }

  it.each([1, 3])('is over for the peer, which waits to send, when the news of it was lost %i times', async (times) => {
    const arrived = await begin();
    const client = pair.client.open();
    client.write(Buffer.from('all that I have'));
    client.end();
    const server = await waitFor(() => arrived.pop());
    const said: string[] = [];
    server.onEnd = () => said.push('end');
    server.onReset = ({ code }) => said.push(code);
    server.onData = () => undefined;
    client.onData = () => client.pause();
    pour(server, 8 << 20);
    await waitFor(() => said.length === 1);
    lose(times);
    client.reset({ code: 'revoked' });
    await waitFor(() => said.length === 2);
    expect(said).toEqual(['end', 'revoked']);
    await waitFor(() => pair.server.stats().streams === 0);
  });

  it('before the peer has heard of it is told there all the same', async () => {
    await begin();
    const codes: string[] = [];
    pair.server.onStream = (stream) => {
      stream.onReset = ({ code }) => codes.push(code);
    };
    const lost = lose(3);
    const client = pair.client.open();
    client.write(Buffer.from('hello'));
    await waitFor(() => lost() > 0);
    client.reset({ code: 'revoked' });
    await waitFor(() => codes.length > 0);
    expect(codes).toEqual(['revoked']);
    expect([pair.client.stats().streams, pair.server.stats().streams]).toEqual([0, 0]);
  });
});

describe('ResetNotes', () => {
  /** Only quiche is not what it is elsewhere: what it carries is laid out by hand. */
  function notesOf(nextPeers: number) {
    const incoming: Buffer[] = [];
    const sent: Buffer[] = [];
    let room = Number.POSITIVE_INFINITY;
    let isOver = false;
    const connection = {
      streamPriority: () => undefined,
      streamSend: (id: number, bytes: Uint8Array) => {
        expect(id).toBe(2);
        const count = Math.min(room, bytes.length);
        room -= count;
        sent.push(Buffer.from(bytes.subarray(0, count)));
        return count === 0 ? null : count;
      },
      streamReadable: (id: number) => id === 3 && (incoming.length > 0 || isOver),
      streamRecv: (_: number, into: Uint8Array): [number, boolean] => {
        const bytes = incoming.shift() ?? Buffer.alloc(0);
        into.set(bytes);
        return [bytes.length, isOver];
      },
    } satisfies ConstructorParameters<typeof ResetNotes>[0]['connection'] & Partial<Connection>;
    const resets: [number, number][] = [];
    const violations: StreamEnd[] = [];
    const notes = new ResetNotes({
      ...{ connection, dialled: true, nextPeers: () => nextPeers, streams: 4, sent: () => undefined },
      onReset: (id, number) => resets.push([id, number]),
      violated: (end) => violations.push(end),
    });
    return {
      ...{ notes, resets, violations },
      sent: () => Buffer.concat(sent),
      setRoom: (bytes: number) => {
        room = bytes;
      },
      receive: (...pieces: Buffer[]) => {
        incoming.push(...pieces);
        notes.readAll();
      },
      end: () => {
        isOver = true;
        notes.readAll();
      },
    };
  }
  const note = (id: number, number: number) => {
    const bytes = Buffer.alloc(8);
    bytes.writeUIntBE(id, 0, 6);
    bytes.writeUInt16BE(number, 6);
    return bytes;
  };

  it('go out whole, however little is taken at a time', () => {
    const { notes, sent, setRoom } = notesOf(1);
    setRoom(11);
    notes.write(4, 1);
    notes.write(2 ** 40, 2);
    expect(sent()).toHaveLength(11);
    setRoom(100);
    notes.pump();
    expect(sent()).toEqual(Buffer.concat([note(4, 1), note(2 ** 40, 2)]));
  });

  it('are read in whatever pieces they come', () => {
    const { resets, receive } = notesOf(9);
    const all = Buffer.concat([note(4, 1), note(5, 2), note(1, 3)]);
    receive(all.subarray(0, 3), all.subarray(3, 20), all.subarray(20));
    expect(resets).toEqual([
      [4, 1],
      [5, 2],
      [1, 3],
    ]);
  });

  it('of streams that are still to come are kept for them, once', () => {
    const { notes, resets, receive } = notesOf(9);
    receive(note(13, 2));
    expect(resets).toEqual([]);
    expect([notes.arrived(9), notes.arrived(13), notes.arrived(13)]).toEqual([undefined, 2, undefined]);
  });

  it.each([
    ['of a stream that the peer may not open', note(9 + 4 * 4, 1)],
    ['of one that nobody could open', Buffer.alloc(8, 0xfd)],
  ])('%s end the connection', (_, bytes) => {
    const { violations, receive } = notesOf(9);
    receive(bytes);
    expect(violations).toMatchObject([{ code: 'protocol' }]);
  });

  it('that end end the connection', () => {
    const { violations, end } = notesOf(9);
    end();
    expect(violations).toMatchObject([{ code: 'protocol' }]);
  });
});
