import { Duplex, PassThrough, pipeline } from 'node:stream';
import { promisify } from 'node:util';
import { waitFor } from '@gatehouse/testing';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Backoff } from './backoff.js';
import type { ByteStream } from './byte-stream.js';
import { StreamReset } from './byte-stream.js';
import type { CarrierKind } from './carrier.js';
import { ChunkQueue } from './chunk-queue.js';
import { fromDuplex, toDuplex } from './duplex.js';
import { type Credentials, connectPair, newCredentials, type Pair, pour, Reader, streamsOf } from './pair.fixture.js';
import { type Pipe, pipe } from './pipe.js';

const mebibyte = 1 << 20;
let credentials: Credentials;
const pairs: Pair[] = [];

beforeAll(async () => {
  credentials = await newCredentials();
});
afterEach(async () => {
  await Promise.all(pairs.splice(0).map((pair) => pair.close()));
});

/** client -> relay -> device, each hop over its own carrier; both ends of one stream, and the pipe between. */
async function throughRelay(first: CarrierKind, second: CarrierKind) {
  const [up, down] = [
    await connectPair({ credentials, carriers: [first] }),
    await connectPair({ credentials, carriers: [second] }),
  ];
  pairs.push(up, down);
  const arrived = streamsOf(up.server);
  const onDevice = streamsOf(down.client);
  const near = up.client.open();
  near.write(Buffer.from('>'));
  const joined: Pipe = pipe(await waitFor(() => arrived[0]), down.server.open());
  const far: ByteStream = await waitFor(() => onDevice[0]);
  return { near: new Reader(near), far: new Reader(far), joined };
}

describe.each<[CarrierKind, CarrierKind]>([
  ['tls', 'tls'],
  ['quic', 'quic'],
  ['quic', 'tls'],
])('a pipe from %s to %s', (first, second) => {
  it('carries bytes and ends both ways, and counts', async () => {
    const { near, far, joined } = await throughRelay(first, second);
    pour(near.stream, 4 * mebibyte);
    await far.whenEnded();
    expect(far.bytes).toBe(4 * mebibyte + 1);
    pour(far.stream, mebibyte);
    await near.whenEnded();
    expect(near.bytes).toBe(mebibyte);
    expect(await joined.done).toBeUndefined();
    expect([joined.forward, joined.backward]).toEqual([4 * mebibyte + 1, mebibyte]);
  });

  it('holds little when nobody reads at the other end', async () => {
    const { near, far } = await throughRelay(first, second);
    far.stream.pause();
    let written = 0;
    const more = () => {
      for (let room = true; room; written += 65_536) room = near.stream.write(Buffer.alloc(65_536));
    };
    near.stream.onDrain = more;
    more();
    let last = -1;
    await waitFor(
      () => {
        const still = last === written;
        last = written;
        return still;
      },
      { intervalMs: 500 },
    );
    expect(written).toBeLessThan(4 * mebibyte);
    near.stream.onDrain = () => {};
    far.stream.resume();
    await waitFor(() => far.bytes === written + 1);
  });

  it('hands on a reset, from either side', async () => {
    const one = await throughRelay(first, second);
    one.near.stream.reset({ code: 'cancelled' });
    expect((await one.far.whenReset()).code).toBe('cancelled');
    expect((await one.joined.done)?.code).toBe('cancelled');
    const other = await throughRelay(first, second);
    other.far.stream.reset({ code: 'refused' });
    expect((await other.near.whenReset()).code).toBe('refused');
  });

  it('is cut by whoever joined it', async () => {
    const { near, far, joined } = await throughRelay(first, second);
    joined.cut({ code: 'revoked' });
    expect((await near.whenReset()).code).toBe('revoked');
    expect((await far.whenReset()).code).toBe('revoked');
    expect(await joined.done).toEqual({ code: 'revoked' });
  });
});

describe("streams as Node's own are", () => {
  const twoEnds = async () => {
    const pair = await connectPair({ credentials, carriers: ['tls'] });
    pairs.push(pair);
    const streams = streamsOf(pair.server);
    const near = pair.client.open();
    return { near, far: await waitFor(() => streams[0]) };
  };

  it('work in a pipeline, with backpressure and half-close', async () => {
    const { near, far } = await twoEnds();
    const source = new PassThrough();
    const [out, back] = [toDuplex(near), toDuplex(far)];
    const echoed: Buffer[] = [];
    back.pipe(back);
    out.on('data', (chunk: Buffer) => echoed.push(chunk));
    source.end(Buffer.alloc(3 * mebibyte, 5));
    await promisify(pipeline)(source, out);
    await waitFor(() => out.readableEnded);
    expect(Buffer.concat(echoed).equals(Buffer.alloc(3 * mebibyte, 5))).toBe(true);
  });

  it('a reset is an error, and destroying is a reset', async () => {
    const { near, far } = await twoEnds();
    const [out, back] = [toDuplex(near), toDuplex(far)];
    const errors: Error[] = [];
    back.on('error', (error) => errors.push(error));
    out.on('error', () => {});
    out.destroy(new StreamReset({ code: 'revoked' }));
    await waitFor(() => errors.length === 1);
    expect(errors[0]).toMatchObject({ name: 'StreamReset', end: { code: 'revoked' } });
  });

  it('and back: a socket as a stream', async () => {
    const { near, far } = await twoEnds();
    const socket = toDuplex(far);
    const stream = fromDuplex(socket);
    const reader = new Reader(stream);
    const other = new Reader(near);
    near.write(Buffer.from('in'));
    near.end();
    await reader.whenEnded();
    stream.write(Buffer.from('out'));
    stream.end();
    await other.whenEnded();
    expect([reader.text, other.text]).toEqual(['in', 'out']);
  });

  it('an error of the socket is a reset', async () => {
    const broken = new Duplex({ read: () => {} });
    const reader = new Reader(fromDuplex(broken));
    broken.destroy(Object.assign(new Error('x'), { code: 'ECONNRESET' }));
    expect(await reader.whenReset()).toEqual({ code: 'lost', detail: 'ECONNRESET' });
  });
});

describe('a queue of bytes', () => {
  it('gives back what was put in, whatever the pieces', () => {
    const queue = new ChunkQueue();
    const all: number[] = [];
    const out: number[] = [];
    for (let round = 0; round < 2_000; round++) {
      const piece = Buffer.from(Array.from({ length: (round * 37) % 4_099 }, (_, index) => (round + index) % 256));
      all.push(...piece);
      queue.push(piece);
      const seen = queue.peek((round * 53) % 5_003);
      out.push(...seen);
      queue.skip(seen.length);
    }
    while (queue.length > 0) {
      const seen = queue.peek(10_000);
      out.push(...seen);
      queue.skip(seen.length);
    }
    expect(out.length).toBe(all.length);
    expect(Buffer.from(out).equals(Buffer.from(all))).toBe(true);
  });

  it('that is cleared by whoever looks at its bytes leaves them as they are, whatever others put in', () => {
    const mine = Buffer.alloc(200_000, 1);
    const queue = new ChunkQueue();
    queue.push(mine);
    queue.skip(queue.peek(1_000_000).length);
    const seen = queue.peek(65_536);
    queue.clear();
    const others = Array.from({ length: 80 }, () => new ChunkQueue());
    for (const other of others) other.push(Buffer.alloc(65_536, 2));
    expect(seen.every((byte) => byte === 1)).toBe(true);
  });
});

describe('a backoff', () => {
  it('doubles its limit up to the most, waits anything below it, and begins anew', () => {
    const longest = new Backoff({ firstMs: 100, mostMs: 1_000, random: () => 0.999_999 });
    expect([1, 2, 3, 4, 5, 6].map(() => longest.next())).toEqual([99, 199, 399, 799, 999, 999]);
    longest.reset();
    expect(longest.next()).toBe(99);
    expect(new Backoff({ random: () => 0 }).next()).toBe(0);
    const many = new Backoff();
    for (let failure = 0; failure < 1_000; failure++) expect(many.next()).toBeLessThan(60_000);
  });
});
