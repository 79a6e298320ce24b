import { waitFor } from '@gatehouse/testing';
import type { ByteStream, StreamEnd } from '@gatehouse/transport';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { cutLink, type LinkPlan, turns } from './cut-link.fixture.js';
import { memoryStreams } from './memory-streams.js';
import { headerOf, resumeTypes } from './resumable/resume-frames.js';
import { ResumableStream } from './resumable-stream.js';

const textOf = (length: number, seed: number): Buffer =>
  Buffer.from(Array.from({ length }, (_, i) => (i * 7 + (i >> 8) * 13 + seed) & 0xff));

/** Writes all of `bytes` in pieces of these sizes, waiting when told to; then ends. */
function feed(stream: ByteStream, bytes: Buffer, sizes: readonly number[]): void {
  let at = 0;
  let i = 0;
  const go = () => {
    while (at < bytes.byteLength) {
      const size = sizes[i++ % sizes.length] ?? 1;
      const chunk = Buffer.from(bytes.subarray(at, at + size));
      at += size;
      const mayGoOn = stream.write(chunk);
      // Whoever keeps a chunk must have copied it.
      chunk.fill(0xee);
      if (!mayGoOn) return;
    }
    stream.end();
  };
  stream.onDrain = go;
  go();
}

/** Everything that comes, and how it ended. Pauses for a turn now and then. */
const collect = (stream: ByteStream, pauseEvery: number): Promise<{ bytes: Buffer; end: string }> =>
  new Promise((resolve) => {
    const chunks: Buffer[] = [];
    stream.onData = (chunk) => {
      chunks.push(Buffer.from(chunk));
      if (chunks.length % pauseEvery) return;
      stream.pause();
      setImmediate(() => stream.resume());
    };
    stream.onEnd = () => resolve({ bytes: Buffer.concat(chunks), end: 'end' });
    stream.onReset = (end) => resolve({ bytes: Buffer.concat(chunks), end: end.code });
  });

const whole: LinkPlan = { upBytes: undefined, downBytes: undefined, pieces: [50_000], noticeUp: 0, noticeDown: 0 };

/** A client that comes back at once, over the links that are planned, and a device. */
function pair(plans: readonly LinkPlan[], window = 1_000, delays: readonly number[] = [0]) {
  const client = new ResumableStream({ lost: 'device_lost', window });
  const device = new ResumableStream({ lost: 'client_lost', window });
  let attempt = 0;
  const connect = async () => {
    const [up, down] = cutLink(plans[attempt] ?? whole);
    const deviceTold = device.received;
    const clientTold = client.received;
    // What the device still reads over the broken link comes between what it says and where it goes on.
    await turns(delays[attempt++ % delays.length] ?? 0);
    if (device.isOver || client.isOver) return;
    device.attach(down, { peerReceived: clientTold, told: deviceTold });
    client.attach(up, { peerReceived: deviceTold, told: clientTold });
  };
  client.onDetached = () => void connect();
  void connect();
  return { client, device, attempts: () => attempt };
}

const sizes = fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 5 });
const limit = fc.option(fc.integer({ min: 1, max: 4_000 }), { nil: undefined });
const plan: fc.Arbitrary<LinkPlan> = fc.record({
  upBytes: limit,
  downBytes: limit,
  pieces: sizes,
  noticeUp: fc.nat(3),
  noticeDown: fc.nat(3),
});
const side = fc.record({ length: fc.nat(12_000), sizes, pauseEvery: fc.integer({ min: 1, max: 50 }) });

describe('a stream that outlives its carrier', () => {
  it('is byte for byte what was written, both ways, wherever its carriers break', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(plan, { maxLength: 8 }),
        side,
        side,
        fc.array(fc.nat(4), { minLength: 1, maxLength: 3 }),
        async (plans, up, down, delays) => {
          const { client, device } = pair(plans, 1_000, delays);
          const over = Promise.all(
            [client, device].map((stream) => new Promise((resolve) => (stream.onOver = resolve))),
          );
          const results = Promise.all([collect(device, up.pauseEvery), collect(client, down.pauseEvery)]);
          feed(client, textOf(up.length, 1), up.sizes);
          feed(device, textOf(down.length, 2), down.sizes);
          const [atDevice, atClient] = await results;
          expect([atDevice.end, atClient.end]).toEqual(['end', 'end']);
          expect(atDevice.bytes.equals(textOf(up.length, 1))).toBe(true);
          expect(atClient.bytes.equals(textOf(down.length, 2))).toBe(true);
          // The last word of one may be lost; then the other waits for somebody who has all he wants.
          const firstOver = await Promise.race([over, turns(200)]);
          if (firstOver) expect(firstOver).toEqual([undefined, undefined]);
          for (const stream of [client, device]) stream.reset({ code: 'cancelled' });
        },
      ),
      { numRuns: 100 },
    );
  });

  it('goes on after a break at each single byte', async () => {
    for (let at = 1; at <= 150; at++) {
      const plans = [
        { ...whole, upBytes: at, noticeDown: at % 3 },
        { ...whole, downBytes: at, noticeUp: at % 2, pieces: [1] },
      ];
      const { client, device } = pair(plans, 40);
      const results = Promise.all([collect(device, 3), collect(client, 1_000)]);
      feed(client, textOf(100, 3), [9]);
      feed(device, textOf(60, 4), [60]);
      const [atDevice, atClient] = await results;
      expect([at, atDevice.bytes.equals(textOf(100, 3)), atClient.bytes.equals(textOf(60, 4))]).toEqual([
        at,
        true,
        true,
      ]);
      for (const stream of [client, device]) stream.reset({ code: 'cancelled' });
    }
  });

  it('keeps no more than its window, and the reader neither', async () => {
    const { client, device } = pair([], 10_000);
    device.onData = () => undefined;
    device.pause();
    let written = 0;
    const fill = () => {
      do written += 1_000;
      while (client.write(textOf(1_000, 5)));
    };
    client.onDrain = fill;
    fill();
    // All of it is there, and nobody takes it.
    const isFull = () => written > 7_500 && device.received === written;
    await waitFor(isFull, { message: () => `${written} written, ${device.received} received` });
    await turns(20);
    expect(isFull()).toBe(true);
    expect(written).toBeLessThanOrEqual(10_000);
    const drained = new Promise<void>((resolve) => (client.onDrain = resolve));
    device.resume();
    await drained;
    expect(client.write(textOf(100, 5))).toBe(true);
    client.reset({ code: 'cancelled' });
  });

  it('takes little ahead of a carrier that takes nothing, and calls back when one does', async () => {
    const client = new ResumableStream({ lost: 'device_lost', window: 16_000 });
    const drained = new Promise<void>((resolve) => (client.onDrain = resolve));
    let written = 0;
    do written += 100;
    while (client.write(textOf(100, 6)));
    expect(written).toBe(1_000);
    const [near, far] = memoryStreams(300);
    const got = new Promise<void>((resolve) => {
      let count = 0;
      far.onData = (chunk) => {
        count += chunk.byteLength;
        if (count >= written) resolve();
      };
    });
    client.attach(near, { peerReceived: 0, told: 0 });
    await Promise.all([drained, got]);
    expect(client.write(textOf(100, 6))).toBe(true);
    client.reset({ code: 'cancelled' });
  });

  it('tells the peer why it was given up', async () => {
    const { client, device } = pair([]);
    const end = new Promise<StreamEnd>((resolve) => (device.onReset = resolve));
    await turns(2);
    client.reset({ code: 'cancelled', detail: 'nobody wants it' });
    expect(await end).toEqual({ code: 'cancelled', detail: 'nobody wants it' });
    expect([client.isOver, device.isOver]).toEqual([true, true]);
  });

  it('ends when nobody comes back in time', async () => {
    const device = new ResumableStream({ lost: 'client_lost', graceMs: 5 });
    const [near, far] = memoryStreams();
    const end = new Promise<StreamEnd>((resolve) => (device.onReset = resolve));
    device.attach(far, { peerReceived: 0, told: 0 });
    near.reset({ code: 'lost' });
    expect((await end).code).toBe('client_lost');
    const [late, lateFar] = memoryStreams();
    const refused = new Promise<StreamEnd>((resolve) => (late.onReset = resolve));
    late.onData = () => undefined;
    device.attach(lateFar, { peerReceived: 0, told: 0 });
    expect((await refused).code).toBe('cancelled');
  });

  it('gives up a carrier over which nothing is heard, and asks before', async () => {
    const client = new ResumableStream({ lost: 'device_lost', silenceMs: 20 });
    const [near, far] = memoryStreams();
    const heard: Buffer[] = [];
    far.onData = (chunk) => heard.push(Buffer.from(chunk));
    const detached = new Promise<StreamEnd>((resolve) => (client.onDetached = resolve));
    client.attach(near, { peerReceived: 0, told: 0 });
    expect((await detached).code).toBe('timeout');
    expect(Buffer.concat(heard).includes(headerOf(resumeTypes.ping, 0))).toBe(true);
    client.reset({ code: 'cancelled' });
  });
});

describe('a peer that claims what cannot be', () => {
  const frames = (...parts: Buffer[]) => Buffer.concat(parts);
  const data = (offset: number, text: string) =>
    frames(headerOf(resumeTypes.data, offset, text.length), Buffer.from(text));

  it.each([
    ['data ahead of its place', data(1, 'x')],
    ['data twice', frames(data(0, 'ab'), data(0, 'ab'))],
    ['data beyond the window', data(0, 'x'.repeat(101))],
    ['data behind its end', frames(data(0, 'ab'), headerOf(resumeTypes.end, 2), data(2, 'c'))],
    ['an end ahead of its data', headerOf(resumeTypes.end, 1)],
    ['an end behind its data', frames(data(0, 'ab'), headerOf(resumeTypes.end, 1))],
    ['to have what was not sent', headerOf(resumeTypes.ack, 6)],
    ['to have less than before', frames(headerOf(resumeTypes.ack, 5), headerOf(resumeTypes.ack, 4))],
    ['a frame of no type', headerOf(9, 0)],
    ['a frame without data', headerOf(resumeTypes.data, 0)],
    ['an acknowledgement with a body', headerOf(resumeTypes.ack, 0, 3)],
    ['a reset without a reason', headerOf(resumeTypes.reset, 0)],
    ['a reset with an endless one', headerOf(resumeTypes.reset, 0, 65_000)],
    ['a reset with a reason that is none', frames(headerOf(resumeTypes.reset, 0, 3), Buffer.from('A B'))],
  ])('%s ends the stream with protocol', async (_, bytes) => {
    for (const size of [1, 1_000]) {
      const stream = new ResumableStream({ lost: 'client_lost', window: 100 });
      const [near, far] = memoryStreams();
      far.onData = () => undefined;
      const end = new Promise<StreamEnd>((resolve) => (stream.onReset = resolve));
      stream.attach(near, { peerReceived: 0, told: 0 });
      stream.write(Buffer.from('12345'));
      stream.pause();
      for (let at = 0; at < bytes.byteLength; at += size) far.write(bytes.subarray(at, at + size));
      expect((await end).code).toBe('protocol');
      expect(stream.isOver).toBe(true);
    }
  });

  it('to have more than was ever sent when it comes back ends it, too', async () => {
    const stream = new ResumableStream({ lost: 'client_lost' });
    stream.attach(memoryStreams()[0], { peerReceived: 0, told: 0 });
    stream.write(Buffer.from('12345'));
    const end = new Promise<StreamEnd>((resolve) => (stream.onReset = resolve));
    stream.attach(memoryStreams()[0], { peerReceived: 6, told: 0 });
    expect((await end).code).toBe('protocol');
  });
});

describe('a carrier that takes the place of one that still stands', () => {
  it('goes on exactly, whatever went over the old one meanwhile', async () => {
    const client = new ResumableStream({ lost: 'device_lost', window: 3_000 });
    const device = new ResumableStream({ lost: 'client_lost', window: 3_000 });
    const results = Promise.all([collect(device, 7), collect(client, 5)]);
    feed(client, textOf(60_000, 1), [700, 3]);
    feed(device, textOf(50_000, 2), [11, 900]);
    for (let i = 0; !(client.isOver && device.isOver); i++) {
      const [up, down] = cutLink({ ...whole, pieces: [100 + i] });
      const [clientTold, deviceTold] = [client.received, device.received];
      await turns(i % 5);
      device.attach(down, { peerReceived: clientTold, told: deviceTold });
      await turns(i % 3);
      client.attach(up, { peerReceived: deviceTold, told: clientTold });
      await turns(i % 4);
      if (i > 5_000) break;
    }
    const [atDevice, atClient] = await results;
    expect([atDevice.end, atClient.end]).toEqual(['end', 'end']);
    expect(atDevice.bytes.equals(textOf(60_000, 1)) && atClient.bytes.equals(textOf(50_000, 2))).toBe(true);
    for (const stream of [client, device]) stream.reset({ code: 'cancelled' });
  });
});
