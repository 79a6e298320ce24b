import type { ByteStream, StreamEnd } from './byte-stream.js';

export interface Pipe {
  /** Bytes so far, from the first stream to the second and back. */
  readonly forward: number;
  readonly backward: number;
  /** When both sides have ended, or either was reset: then with the reason. Never rejects. */
  readonly done: Promise<StreamEnd | undefined>;
  /** Gives both streams up, with one reason. */
  cut(end: StreamEnd): void;
}

/**
 * Joins two streams byte for byte: what one gives the other gets, with backpressure, ends and resets, and nothing is kept in
 * between. Takes over the callbacks of both.
 *
 * @example const { done } = pipe(fromClient, toDevice);
 */
export function pipe(first: ByteStream, second: ByteStream): Pipe {
  const counted = { forward: 0, backward: 0 };
  let finish: (end?: StreamEnd) => void = () => {};
  const done = new Promise<StreamEnd | undefined>((resolve) => {
    finish = resolve;
  });
  let ended = 0;
  const join = (from: ByteStream, to: ByteStream, direction: 'forward' | 'backward') => {
    from.onEnd = () => {
      to.end();
      if (++ended === 2) finish();
    };
    from.onReset = (end) => {
      to.reset(end);
      finish(end);
    };
    to.onDrain = () => from.resume();
    from.onData = (chunk) => {
      counted[direction] += chunk.length;
      if (!to.write(chunk)) from.pause();
    };
  };
  join(first, second, 'forward');
  join(second, first, 'backward');
  return {
    get forward() {
      return counted.forward;
    },
    get backward() {
      return counted.backward;
    },
    done,
    cut: (end) => {
      first.reset(end);
      second.reset(end);
      finish(end);
    },
  };
}
