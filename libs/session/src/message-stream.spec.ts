import type { ByteStream } from '@gatehouse/transport';
import { describe, expect, it } from '@jest/globals';
import { memoryStreams } from './memory-streams.js';
import { MessageStream, maxMessageBytes } from './message-stream.js';

const framed = (text: string): Buffer => {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(Buffer.byteLength(text));
  return Buffer.concat([header, Buffer.from(text)]);
};

/** Everything that a stream gives, until it ends. */
const read = (stream: ByteStream): Promise<string> =>
  new Promise((resolve) => {
    let text = '';
    stream.onData = (chunk) => {
      text += Buffer.from(chunk).toString();
    };
    stream.onEnd = () => resolve(text);
    stream.onReset = (end) => resolve(`${text}!${end.code}`);
  });

describe('messages', () => {
  it('come as they were sent', async () => {
    const [one, other] = memoryStreams();
    const sender = new MessageStream(one);
    const receiver = new MessageStream(other);
    const got: unknown[] = [];
    const over = new Promise<void>((resolve) => {
      receiver.onMessage = (value) => got.push(value);
      receiver.onEnd = resolve;
    });
    const sent = [{ a: 1 }, 'text', null, { deep: ['ü'] }];
    for (const message of sent) sender.send(message);
    sender.end();
    await over;
    expect(got).toEqual(sent);
  });

  it.each([
    ['longer than they may be', Buffer.from([0, 1, 0, 1])],
    ['no JSON', framed('{')],
    ['no UTF-8', Buffer.from([0, 0, 0, 3, 0x22, 0xff, 0x22])],
    ['cut off', framed('"abc"').subarray(0, 6)],
  ])('that are %s end the stream with protocol on both sides', async (_, bytes) => {
    const [one, other] = memoryStreams();
    const receiver = new MessageStream(other);
    const codes = Promise.all(
      [one, receiver].map(
        (side) =>
          new Promise<string>((resolve) => {
            side.onReset = (end) => resolve(end.code);
          }),
      ),
    );
    one.onData = () => undefined;
    one.write(bytes);
    one.end();
    expect(await codes).toEqual(['protocol', 'protocol']);
  });

  it('may be followed by bytes of another kind, in whatever pieces', async () => {
    const bytes = Buffer.concat([framed('"open"'), Buffer.from('and then bytes')]);
    for (const size of [1, 3, 10, 12, 100]) {
      const [one, other] = memoryStreams();
      const receiver = new MessageStream(other);
      const rest = new Promise<string>((resolve) => {
        receiver.onMessage = () => resolve(read(receiver.release()));
      });
      for (let at = 0; at < bytes.byteLength; at += size) one.write(bytes.subarray(at, at + size));
      one.end();
      expect([size, await rest]).toEqual([size, 'and then bytes']);
    }
  });

  it('may be followed by bytes that wait until they are wanted', async () => {
    const [one, other] = memoryStreams();
    const receiver = new MessageStream(other);
    const rest = new Promise<string>((resolve) => {
      receiver.onMessage = () => {
        const stream = receiver.release();
        const text = read(stream);
        stream.pause();
        setImmediate(() => {
          resolve(text);
          stream.resume();
        });
      };
    });
    one.write(Buffer.concat([framed('1'), Buffer.from('a')]));
    one.write(Buffer.from('b'));
    one.end();
    expect(await rest).toBe('ab');
  });

  it('are bounded when they are sent, too', () => {
    const [one] = memoryStreams();
    expect(() => new MessageStream(one).send('x'.repeat(maxMessageBytes))).toThrow(RangeError);
  });
});
