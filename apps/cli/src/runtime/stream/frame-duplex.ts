import { Duplex } from 'node:stream';
import { frameTypes, type ServedSession } from '@gatehouse/session';
import type { OutgoingFrames } from './outgoing-frames.js';

/** The bytes of a session as a stream of Node's, for protocols that want one. */
export function frameDuplex({ stream, ended }: Pick<ServedSession, 'stream' | 'ended'>, out: OutgoingFrames): Duplex {
  const duplex = new Duplex({
    read: () => stream.resume(),
    write: (chunk: Buffer, _encoding, done) => {
      if (out.send(frameTypes.data, chunk)) done();
      else void out.room().then(() => done());
    },
    final: (done) => {
      out.finish();
      done();
    },
  });
  stream.onFrame = (type, payload) => {
    if (type === frameTypes.eof) duplex.push(null);
    else if (type !== frameTypes.data) duplex.destroy(new Error('unexpected frame'));
    else if (!duplex.push(Buffer.from(payload))) stream.pause();
  };
  stream.onEnd = () => duplex.push(null);
  const stop = () => {
    out.abandon();
    duplex.destroy();
  };
  stream.onReset = stop;
  if (ended.aborted) stop();
  else ended.addEventListener('abort', stop, { once: true });
  return duplex;
}
