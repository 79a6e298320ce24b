import { Duplex } from 'node:stream';
import { type ByteStream, type StreamEnd, StreamReset } from './byte-stream.js';

/**
 * A stream as Node's own streams are. Destroying it before both sides ended resets the stream: with the reason of a `StreamReset`,
 * else with `cancelled`. A reset by the peer is an 'error', a `StreamReset`.
 */
export function toDuplex(stream: ByteStream): Duplex {
  let over = false;
  let drained: ((error?: Error) => void) | undefined;
  const duplex = new Duplex({
    allowHalfOpen: true,
    read: () => stream.resume(),
    write: (chunk: Buffer, _encoding, done) => {
      if (stream.write(chunk)) done();
      else drained = done;
    },
    final: (done) => {
      stream.end();
      done();
    },
    destroy: (error, done) => {
      const complete = over || (duplex.writableFinished && duplex.readableEnded);
      if (!complete)
        stream.reset(error instanceof StreamReset ? error.end : { code: error ? 'internal' : 'cancelled' });
      over = true;
      drained?.(error ?? undefined);
      done(error);
    },
  });
  stream.onEnd = () => duplex.push(null);
  stream.onReset = (end) => {
    over = true;
    duplex.destroy(new StreamReset(end));
  };
  stream.onDrain = () => {
    const done = drained;
    drained = undefined;
    done?.();
  };
  stream.onData = (chunk) => {
    if (!duplex.push(Buffer.from(chunk))) stream.pause();
  };
  return duplex;
}

/** A socket, a pipe, a pair of them, as a `ByteStream`. An error of it is a reset with `lost`, and a reset destroys it. */
export function fromDuplex(duplex: Duplex): ByteStream {
  const nothing = () => {};
  let onData: ((chunk: Uint8Array) => void) | undefined;
  let over = false;
  let paused = false;
  let readEnded = false;
  const reset = (end: StreamEnd) => {
    if (over) return;
    over = true;
    stream.onReset(end);
  };
  const stream: ByteStream = {
    get onData() {
      return onData ?? nothing;
    },
    set onData(callback) {
      onData = callback;
      duplex.on('data', (chunk: Buffer) => {
        if (!over) onData?.(chunk);
      });
      if (paused) duplex.pause();
    },
    onEnd: nothing,
    onReset: nothing,
    onDrain: nothing,
    write: (chunk) => over || duplex.writableEnded || duplex.destroyed || duplex.write(Buffer.from(chunk)),
    end: () => {
      if (!over) duplex.end();
    },
    reset: (end) => {
      if (over) return;
      over = true;
      duplex.destroy(end.code === 'cancelled' ? undefined : new StreamReset(end));
    },
    pause: () => {
      paused = true;
      duplex.pause();
    },
    resume: () => {
      paused = false;
      if (onData) duplex.resume();
    },
  };
  duplex.on('end', () => {
    readEnded = true;
    if (!over) stream.onEnd();
  });
  duplex.on('drain', () => {
    if (!over) stream.onDrain();
  });
  duplex.on('error', (error: NodeJS.ErrnoException) => reset({ code: 'lost', detail: error.code ?? 'error' }));
  duplex.on('close', () => {
    if (!readEnded || !duplex.writableFinished) reset({ code: 'lost', detail: 'closed' });
    over = true;
  });
  return stream;
}
