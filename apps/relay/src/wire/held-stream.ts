import { MessageStream } from '@gatehouse/session';
import { type ByteStream, type StreamEnd, StreamReset } from '@gatehouse/transport';

/** A paused stream, and whether its peer has ended its side already: that is told once. */
export interface Released {
  readonly stream: ByteStream;
  readonly ended: boolean;
}

/** A stream whose first message was read; what follows waits until somebody goes on with it. */
export interface HeldStream {
  /** The message, as it came. */
  readonly value: unknown;
  /** Writes one message before the bytes of whoever goes on. */
  send(message: object): void;
  /** The stream, to be used at once. @throws StreamReset when the peer gave it up meanwhile */
  release(): Released;
  reset(end: StreamEnd): void;
}

/**
 * Reads the first message of a stream.
 *
 * @param question sent before it, by the side that begins
 * @throws StreamReset what the peer said, `protocol`, or `timeout`; the stream is then of no use any more
 */
export function holdFirstMessage(stream: ByteStream, timeoutMs: number, question?: object): Promise<HeldStream> {
  return new Promise((resolve, reject) => {
    const messages = new MessageStream(stream);
    const fail = (end: StreamEnd, tell: boolean) => {
      clearTimeout(timer);
      if (tell) messages.reset(end);
      reject(new StreamReset(end));
    };
    const timer = setTimeout(() => fail({ code: 'timeout' }, true), timeoutMs);
    messages.onEnd = () => fail({ code: 'protocol' }, true);
    messages.onReset = (end) => fail(end, false);
    messages.onMessage = (value) => {
      clearTimeout(timer);
      resolve(held(value, messages));
    };
    if (question) messages.send(question);
  });
}

function held(value: unknown, messages: MessageStream): HeldStream {
  const stream = messages.release();
  let ended = false;
  let broken: StreamEnd | undefined;
  stream.pause();
  stream.onEnd = () => {
    ended = true;
  };
  stream.onReset = (end) => {
    broken = end;
  };
  return {
    value,
    send: (message) => void messages.send(message),
    release: () => {
      if (broken) throw new StreamReset(broken);
      return { stream, ended };
    },
    reset: (end) => {
      if (!broken) stream.reset(end);
    },
  };
}
