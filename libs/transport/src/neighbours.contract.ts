import { waitFor } from '@gatehouse/testing';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ByteStream } from './byte-stream.js';
import type { CarrierKind } from './carrier.js';
import { type Credentials, connectPair, newCredentials, type Pair, pour, Reader } from './pair.fixture.js';

const mebibyte = 1 << 20;
const rounds = 100;
const limits = { streams: 32 };

/** What becomes of one stream takes nothing from the others of its connection: neither window nor places. */
export function neighboursContract(kind: CarrierKind): void {
  let credentials: Credentials;
  let pair: Pair;
  let arrived: ByteStream[];

  beforeAll(async () => {
    credentials = await newCredentials();
  });
  afterEach(() => pair.close());

  async function begin(): Promise<void> {
    pair = await connectPair({ credentials, carriers: [kind], client: limits, server: limits });
    arrived = [];
    pair.server.onStream = (stream) => arrived.push(stream);
  }

  /** A stream with as much on its way as its reader's window and the writer's queue take. */
  async function fill(read: (stream: ByteStream) => void): Promise<{ writer: ByteStream; reader: ByteStream }> {
    const writer = pair.client.open();
    pour(writer, 4 * mebibyte);
    const reader = await waitFor(() => arrived.pop(), { intervalMs: 1 });
    read(reader);
    return { writer, reader };
  }

  /** All places are free, and one stream carries more than the connection's window. */
  async function expectWhole(): Promise<void> {
    await waitFor(() => pair.client.stats().streams === 0 && pair.server.stats().streams === 0);
    const streams: ByteStream[] = [];
    for (let i = 0; i < limits.streams; i++) streams.push(await waitFor(() => pair.client.open(), { intervalMs: 1 }));
    const [first, ...rest] = streams as [ByteStream, ...ByteStream[]];
    for (const stream of rest) stream.end();
    pour(first, 40 * mebibyte);
    await waitFor(() => arrived.length === limits.streams);
    const readers = arrived.map((stream) => new Reader(stream, false));
    await Promise.all(readers.map((reader) => reader.whenEnded()));
    expect(readers.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(40 * mebibyte);
  }

  const never = () => undefined;
  const always = (stream: ByteStream) => {
    stream.onData = never;
  };
  const atFirst = (stream: ByteStream) => {
    stream.onData = () => stream.pause();
  };

  it('streams that nobody reads, however many, hold up nobody', async () => {
    await begin();
    const unread = Array.from({ length: limits.streams - 1 }, () => pair.client.open());
    for (const stream of unread) pour(stream, 4 * mebibyte);
    await waitFor(() => arrived.length === unread.length);
    arrived.length = 0;
    pour(pair.client.open(), 40 * mebibyte);
    const reader = new Reader(await waitFor(() => arrived[0]), false);
    await reader.whenEnded();
    expect(reader.bytes).toBe(40 * mebibyte);
  });

  describe.each([
    ['nobody reads', never],
    ['somebody reads', always],
    ['somebody has stopped to read', atFirst],
  ])('streams that %s', (_, read) => {
    it.each(['reader', 'writer'] as const)(
      'and that their %s gives up, leave everything to the others',
      async (who) => {
        await begin();
        for (let round = 0; round < rounds; round++) {
          const both = await fill(read);
          const other = both[who === 'reader' ? 'writer' : 'reader'];
          const heard = new Promise((resolve) => {
            other.onReset = resolve;
          });
          // Sometimes at once, sometimes when windows are full.
          if (round % 2 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
          both[who].reset({ code: 'cancelled' });
          await heard;
        }
        await expectWhole();
      },
    );
  });
}
