import { waitFor } from '@gatehouse/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ByteStream, StreamEnd } from '../byte-stream.js';
import { connectPair, echo, echoEverything, newCredentials, type Pair, pour } from '../pair.fixture.js';
import { Wear } from './wear.js';

const limits = { streams: 32 };
let pair: Pair;
let ends: StreamEnd[];

beforeEach(async () => {
  pair = await connectPair({ credentials: await newCredentials(), carriers: ['quic'], client: limits, server: limits });
  ends = [];
  for (const carrier of [pair.client, pair.server]) carrier.onClose = (end) => ends.push(end);
});
afterEach(() => pair.close());

/** Undefined: the peer takes no more at the moment, or the connection is over. */
function open(): ByteStream | undefined {
  try {
    return pair.client.open();
  } catch {
    return undefined;
  }
}

/** Streams on which both sides were sending, one after the other. */
async function cutStreamsUntil(isEnough: () => boolean): Promise<void> {
  const arrived: ByteStream[] = [];
  pair.server.onStream = (stream) => arrived.push(stream);
  const cut = async () => {
    const stream = open();
    if (!stream) return isEnough();
    const other = await waitFor(() => arrived.pop(), { intervalMs: 1 });
    for (const side of [stream, other]) pour(side, 1 << 20);
    other.reset({ code: 'revoked' });
    return isEnough();
  };
  await waitFor(cut, { intervalMs: 100, timeoutMs: 60_000 });
}

describe('a connection over QUIC', () => {
  it('that lost its places to streams that were cut ends as lost, so that they go on over another', async () => {
    await cutStreamsUntil(() => ends.length === 2);
    expect(ends).toEqual([
      { code: 'lost', detail: 'the connection is worn out' },
      { code: 'lost', detail: 'the connection is worn out' },
    ]);
  });

  it('tells once that it will end, if somebody listens, and does not at once', async () => {
    let told = 0;
    pair.client.onWorn = () => told++;
    await cutStreamsUntil(() => told > 0);
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    expect({ told, ends }).toEqual({ told: 1, ends: [] });
  });

  it('is worn out by many streams that it gave up itself, whatever its places, and says so once', () => {
    let told = 0;
    const wear = new Wear({ allowed: () => 32, known: () => 32, onWorn: () => told++ });
    for (let i = 1; i < 16_384; i++) wear.count();
    expect(told).toBe(0);
    for (let i = 0; i < 20_000; i++) wear.count();
    expect(told).toBe(1);
  });

  it('whose places are all in use stays, and takes streams again when some are free', async () => {
    const streams = Array.from({ length: limits.streams }, () => pair.client.open());
    expect(open()).toBeUndefined();
    // Longer than it would wait to hear of places.
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    expect(open()).toBeUndefined();
    expect(ends).toEqual([]);
    echoEverything(pair.server);
    for (const stream of streams) stream.end();
    await waitFor(() => echo(pair.client, Buffer.from('again')).then(() => true));
  });

  it('over which many streams came and went stays', async () => {
    echoEverything(pair.server);
    for (let round = 0; round < 200; round++) {
      const opened = await waitFor(() => open(), { intervalMs: 1 });
      opened.onData = () => undefined;
      opened.end();
    }
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    await waitFor(() => echo(pair.client, Buffer.from('again')).then(() => true));
    expect(ends).toEqual([]);
  });
});
