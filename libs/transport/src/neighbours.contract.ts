import { waitFor } from '@gatehouse/testing';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ByteStream } from './byte-stream.js';
import type { CarrierKind } from './carrier.js';
import { type Credentials, connectPair, newCredentials, type Pair, pour, Reader } from './pair.fixture.js';

const mebibyte = 1 << 20;
const rounds = 100;

interface Line {
  readonly kind: CarrierKind;
  readonly streams: number;
  /** What stands before the server's port. */
  readonly before?: (port: number) => Promise<number>;
}

/** What becomes of one stream takes nothing from the others of its connection. */
export function neighboursContract({ kind, streams: most, before }: Line): void {
  const limits = { streams: most };
  let credentials: Credentials;
  let pair: Pair;
  let arrived: ByteStream[];

  beforeAll(async () => {
    credentials = await newCredentials();
  });
  afterEach(() => pair.close());

  async function begin(): Promise<void> {
    pair = await connectPair({
      ...{ credentials, carriers: [kind], client: limits, server: limits },
      ...(before && { before }),
    });
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

  /** More than the connection's window goes over one stream. */
  async function expectRoom(): Promise<void> {
    pour(pair.client.open(), 24 * mebibyte);
    const reader = new Reader(await waitFor(() => arrived.pop()), false);
    await reader.whenEnded();
    expect(reader.bytes).toBe(24 * mebibyte);
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
    const unread = Array.from({ length: 31 }, () => pair.client.open());
    for (const stream of unread) pour(stream, 4 * mebibyte);
    await waitFor(() => arrived.length === unread.length);
    arrived.length = 0;
    await expectRoom();
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
        await waitFor(() => pair.client.stats().streams === 0 && pair.server.stats().streams === 0);
        await expectRoom();
      },
    );
  });
}
