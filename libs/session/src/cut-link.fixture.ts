import type { ByteStream } from '@gatehouse/transport';
import { memoryStreams } from './memory-streams.js';

export interface LinkPlan {
  /** Bytes after which the link breaks, each way; undefined: never. */
  readonly upBytes: number | undefined;
  readonly downBytes: number | undefined;
  /** Sizes of the pieces that bytes are handed on in, over and over. */
  readonly pieces: readonly number[];
  /** Turns of the event loop until each end notices. */
  readonly noticeUp: number;
  readonly noticeDown: number;
}

export const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((next) => setImmediate(next));
};

/** A connection that breaks at a given byte, cuts bytes into other pieces, and is not noticed to be broken at once. */
export function cutLink(plan: LinkPlan): [ByteStream, ByteStream] {
  const [client, near] = memoryStreams(2_000);
  const [far, device] = memoryStreams(2_000);
  let isCut = false;
  let piece = 0;
  const cut = () => {
    isCut = true;
    const lost = { code: 'lost' };
    void turns(plan.noticeUp).then(() => near.reset(lost));
    void turns(plan.noticeDown).then(() => far.reset(lost));
  };
  const forward = (from: ByteStream, to: ByteStream, limit: number | undefined) => {
    let left = limit ?? Number.POSITIVE_INFINITY;
    from.onData = (chunk) => {
      for (let at = 0; at < chunk.byteLength && !isCut; ) {
        const size = Math.min(plan.pieces[piece++ % plan.pieces.length] ?? 1, chunk.byteLength - at, left);
        if (!to.write(chunk.subarray(at, at + size))) from.pause();
        at += size;
        left -= size;
        if (left === 0) cut();
      }
    };
    from.onEnd = () => isCut || to.end();
    from.onReset = (end) => isCut || to.reset(end);
    to.onDrain = () => from.resume();
  };
  forward(near, far, plan.upBytes);
  forward(far, near, plan.downBytes);
  return [client, device];
}
