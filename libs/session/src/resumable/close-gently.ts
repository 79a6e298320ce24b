import type { ByteStream, StreamEnd } from '@gatehouse/transport';

const lingerMs = 5_000;

/** Ends a stream whose last words are still on their way, and gives it up when the peer does not end its side in time. */
export function closeGently(stream: ByteStream, end: StreamEnd): void {
  const timer = setTimeout(() => stream.reset(end), lingerMs);
  const done = () => clearTimeout(timer);
  timer.unref();
  stream.onData = stream.onDrain = () => undefined;
  stream.onEnd = stream.onReset = done;
  stream.end();
  stream.resume();
}

/** Gives a stream up, deaf to what it still says. */
export function giveUp(stream: ByteStream, end: StreamEnd): void {
  stream.onData = stream.onEnd = stream.onReset = stream.onDrain = () => undefined;
  stream.reset(end);
}
