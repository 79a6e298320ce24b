import type { Duplex } from 'node:stream';
import { frameTypes, type ServedSession } from '@gatehouse/session';
import type { OutgoingFrames } from '../stream/outgoing-frames.js';

/**
 * Bytes between a session and one connection, each half ended by itself: who has said all it has to say can still be
 * answered. Call it in the turn in which the connection was there.
 *
 * @param breakOff ends the connection in a way that nobody takes for the end of what was said
 */
export function bridge(
  { stream, ended }: Pick<ServedSession, 'stream' | 'ended'>,
  out: OutgoingFrames,
  to: Duplex,
  breakOff: () => unknown = () => to.destroy(),
): void {
  let theirsEnded = false;
  let oursEnded = false;
  const stop = () => {
    out.abandon();
    breakOff();
  };
  const endInput = () => {
    theirsEnded = true;
    to.end();
    finishIfDone();
  };
  const finishIfDone = () => {
    if (theirsEnded && oursEnded) out.finish();
  };
  stream.onFrame = (type, payload) => {
    if (type === frameTypes.eof) endInput();
    else if (type !== frameTypes.data) {
      out.fail('protocol', 'unexpected frame');
      to.destroy();
    } else if (!theirsEnded && to.writable && !to.write(Buffer.from(payload))) stream.pause();
  };
  stream.onEnd = endInput;
  stream.onReset = stop;
  to.on('drain', () => stream.resume());
  to.on('data', (chunk: Buffer) => {
    if (out.send(frameTypes.data, chunk)) return;
    to.pause();
    void out.room().then(() => to.resume());
  });
  to.on('end', () => {
    oursEnded = true;
    out.send(frameTypes.eof, new Uint8Array());
    finishIfDone();
  });
  to.on('error', (error: NodeJS.ErrnoException) =>
    out.fail('io', `the connection broke off (${error.code ?? 'unknown'})`),
  );
  // What comes for a connection that is gone is dropped, and the end is told whatever came before.
  to.on('close', () => {
    stream.resume();
    out.finish();
  });
  if (ended.aborted) stop();
  else ended.addEventListener('abort', stop, { once: true });
}
