import type { Socket } from 'node:net';
import { type FrameStream, frameTypes, maxFrameBytes } from '@gatehouse/session';
import type { Failure } from '../../failure.js';
import { converse } from '../dial/failures.js';

const nothing = new Uint8Array(0);

/** So that the other side does not take it for a good end: of TCP alone there is a reset. */
export function breakOff(socket: Socket): void {
  // A connection over a socket file has no addresses.
  if (socket.remoteAddress === undefined) socket.destroy();
  else socket.resetAndDestroy();
}

/**
 * Joins one connection here with one stream: bytes, and the end of each half by itself. A connection that breaks off here
 * breaks off there.
 *
 * @param over told once: why, when it was not a plain end
 */
export function joinConnection(
  socket: Socket,
  stream: FrameStream,
  over: (failure: Failure | undefined) => void,
): void {
  let open = 2;
  let isOver = false;
  const finish = (failure?: Failure) => {
    if (isOver) return;
    isOver = true;
    over(failure);
  };
  const half = () => {
    open -= 1;
    if (open > 0) return;
    stream.end();
    finish();
  };
  converse(stream, {
    frame: (type, payload) => {
      if (type === frameTypes.data && !socket.write(Buffer.from(payload))) stream.pause();
      else if (type === frameTypes.eof) {
        socket.end();
        half();
      }
    },
    drain: () => socket.resume(),
    over: (failure) => {
      if (isOver) return;
      if (failure === undefined) socket.end();
      else breakOff(socket);
      finish(failure);
    },
  });
  socket.on('drain', () => stream.resume());
  socket.on('data', (chunk: Buffer) => {
    let mayGoOn = true;
    for (let at = 0; at < chunk.length; at += maxFrameBytes)
      mayGoOn = stream.send(frameTypes.data, chunk.subarray(at, at + maxFrameBytes));
    if (!mayGoOn) socket.pause();
  });
  socket.on('end', () => {
    if (isOver) return;
    stream.send(frameTypes.eof, nothing);
    half();
  });
  // After an error of its own, and when the call is over.
  socket.on('close', () => {
    if (isOver) return;
    stream.reset({ code: 'cancelled' });
    finish();
  });
  socket.resume();
}
