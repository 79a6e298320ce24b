import { waitFor } from '@gatehouse/testing';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ByteStream } from '../byte-stream.js';
import type { CarrierLimits } from '../carrier.js';
import { type Credentials, connectPair, newCredentials, type Pair } from '../pair.fixture.js';

let credentials: Credentials;
beforeAll(async () => {
  credentials = await newCredentials();
});
let pair: Pair;
afterEach(() => pair.close());

/** A beat each 100 ms, so that a busy machine does not make anybody silent. Every stream has 8 KiB, and 128 KiB are lent to those that need more. */
const limits: CarrierLimits = { streams: 16, streamWindow: 131_072, connectionWindow: 262_144, keepAliveMs: 200 };
const least = 8_192;

/** Streams of the client's, whose bytes the server takes or leaves. */
async function twoEnds() {
  pair = await connectPair({ credentials, carriers: ['tls'], client: limits, server: limits });
  const { client, server } = pair;
  let taken = 0;
  let takes = true;
  server.onStream = (stream) => {
    if (!takes) stream.pause();
    stream.onData = ({ byteLength }) => {
      taken += byteLength;
    };
  };
  const pour = async (streams: readonly ByteStream[], bytes: number) => {
    const before = taken;
    for (const stream of streams) stream.write(Buffer.alloc(bytes, 7));
    await waitFor(() => taken === before + streams.length * bytes);
  };
  /** How much may be sent on a new stream while nobody takes it. */
  const firstWindow = async (): Promise<number> => {
    takes = false;
    const stream = client.open();
    const before = server.stats().bytesIn;
    stream.write(Buffer.alloc(150_000, 7));
    // Beats are heard all the while: they are less than any window.
    let [seen, since] = [before, Date.now()];
    await waitFor(() => {
      const { bytesIn } = server.stats();
      if (bytesIn - seen > least / 2) [seen, since] = [bytesIn, Date.now()];
      return seen > before && Date.now() - since > 100;
    });
    stream.reset({ code: 'cancelled' });
    takes = true;
    return seen - before;
  };
  return { client, pour, firstWindow };
}

describe('windows of streams that fell silent', () => {
  it('are lent to others, and the silent ones still carry what comes later', async () => {
    const { client, pour, firstWindow } = await twoEnds();
    const busy = Array.from({ length: 4 }, () => client.open());
    await pour(busy, 500_000);
    // Whoever was busy once has it all.
    expect(await firstWindow()).toBeLessThan(65_536);
    await waitFor(async () => (await firstWindow()) > 65_536);
    await pour(busy, 500_000);
  });

  it('stay with those that write a word now and then', async () => {
    const { client, pour, firstWindow } = await twoEnds();
    const busy = Array.from({ length: 4 }, () => client.open());
    await pour(busy, 500_000);
    const until = Date.now() + 3_000;
    while (Date.now() < until) {
      await pour(busy, 1);
      await new Promise((next) => setTimeout(next, 5));
    }
    expect(await firstWindow()).toBeLessThan(least * 3);
  });
});
