import { waitFor } from '@gatehouse/testing';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type FrameStream, frameJson, frameStream } from './frame-stream.js';
import { memoryStreams } from './memory-streams.js';
import { acceptedMessage, type FrameType, frameTypes, maxFrameBytes } from './messages.js';

const pieces = async (bytes: Uint8Array, sizes: readonly number[]) => {
  const [sender, receiver] = memoryStreams();
  const got: [number, string][] = [];
  const frames = frameStream(receiver);
  const over = new Promise<string>((resolve) => {
    frames.onFrame = (type, payload) => got.push([type, Buffer.from(payload).toString('latin1')]);
    frames.onEnd = () => resolve('end');
    frames.onReset = (end) => resolve(end.code);
  });
  for (let at = 0, i = 0; at < bytes.byteLength; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    sender.write(bytes.subarray(at, at + size));
    at += size;
  }
  sender.end();
  return { result: await over, got };
};

const nothing = new Uint8Array(0);

const frame = (type: number, payload: string): Buffer => {
  const header = Buffer.alloc(5);
  header[0] = type;
  header.writeUInt32BE(payload.length, 1);
  return Buffer.concat([header, Buffer.from(payload, 'latin1')]);
};

describe('frames', () => {
  it('come as they were sent, whatever pieces the bytes come in', async () => {
    const type = fc.constantFrom(...Object.values(frameTypes));
    const frames = fc.array(fc.tuple(type, fc.string({ maxLength: 50 })), { maxLength: 20 });
    const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(frames, sizes, async (sent, cuts) => {
        const latin = sent.map(([kind, text]): [FrameType, string] => [kind, Buffer.from(text).toString('latin1')]);
        const { result, got } = await pieces(Buffer.concat(latin.map(([kind, text]) => frame(kind, text))), cuts);
        expect([result, got]).toEqual(['end', latin]);
      }),
    );
  });

  it.each([
    ['of a type that nobody knows', frame(14, 'x')],
    ['of type 0', frame(0, '')],
    ['longer than they may be', Buffer.from([4, 0, 1, 0, 1])],
    ['as long as 4 GiB', Buffer.from([4, 255, 255, 255, 255])],
    ['that stop halfway', frame(4, 'abc').subarray(0, 6)],
    ['of half a header', Buffer.from([4, 0])],
  ])('%s end the stream with protocol', async (_, bytes) => {
    for (const sizes of [[1], [100]]) {
      const { result, got } = await pieces(Buffer.concat([frame(4, 'good'), bytes]), sizes);
      expect([result, got]).toEqual(['protocol', [[4, 'good']]]);
    }
  });

  it('of many streams that come in pieces at the same time do not mix', async () => {
    const count = 40;
    const got: Buffer[] = [];
    const senders = Array.from({ length: count }, (_, index) => {
      const [sender, receiver] = memoryStreams();
      frameStream(receiver).onFrame = (_type, payload) => {
        got[index] = Buffer.from(payload);
      };
      return sender;
    });
    const whole = senders.map((_, index) => frame(4, String.fromCharCode(index).repeat(50_000)));
    for (let at = 0; at < 50_005; at += 9_000) {
      for (const [index, sender] of senders.entries()) sender.write(whole[index]?.subarray(at, at + 9_000) ?? nothing);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await waitFor(() => got.filter(Boolean).length === count);
    expect(got.every((bytes, index) => bytes.length === 50_000 && bytes.every((byte) => byte === index))).toBe(true);
  });

  it('are at most 64 KiB', () => {
    const [lower] = memoryStreams();
    const stream = frameStream(lower);
    expect(() => stream.send(frameTypes.data, new Uint8Array(maxFrameBytes + 1))).toThrow(RangeError);
    expect(stream.send(frameTypes.data, new Uint8Array(maxFrameBytes))).toBe(true);
  });

  it('wait while the stream is paused, each of them, and the end behind them', async () => {
    const [sender, receiver] = memoryStreams();
    const stream: FrameStream = frameStream(receiver);
    const seen: string[] = [];
    const over = new Promise<void>((resolve) => {
      stream.onFrame = (_, payload) => {
        seen.push(Buffer.from(payload).toString());
        stream.pause();
        setImmediate(() => {
          seen.push('resumed');
          stream.resume();
        });
      };
      stream.onEnd = () => {
        seen.push('end');
        resolve();
      };
    });
    sender.write(Buffer.concat([frame(4, 'a'), frame(4, 'b'), frame(4, 'c').subarray(0, 3)]));
    sender.write(frame(4, 'c').subarray(3));
    sender.end();
    await over;
    expect(seen).toEqual(['a', 'resumed', 'b', 'resumed', 'c', 'resumed', 'end']);
  });

  it('of JSON are what their schema says, or nothing', () => {
    const read = (text: string | Uint8Array) => frameJson(acceptedMessage, Buffer.from(text as string));
    expect(read('{"pid":3}')).toEqual({ pid: 3 });
    expect([read('{"pid":"3"}'), read('{'), read(''), read(Buffer.from([0xff]))]).toEqual(Array(4).fill(undefined));
  });
});
