import { frameTypes, type ServedSession } from '@gatehouse/session';
import type { RuntimeHost } from '../host.js';
import { OutgoingFrames } from '../stream/outgoing-frames.js';

const chunkBytes = 65_536;

/** A recording as it lies on the disk, whole chunks and all: `data` frames, then `eof`. */
export const serveRecording =
  ({ recordings }: RuntimeHost) =>
  (session: ServedSession<'recording'>): void => {
    const out = new OutgoingFrames(session.stream);
    session.stream.onFrame = () => out.fail('protocol', 'nothing is said to a recording');
    session.stream.onReset = () => out.abandon();
    session.ended.addEventListener('abort', () => out.abandon(), { once: true });
    void send(session.open.sessionId, recordings, out).catch(({ code }: NodeJS.ErrnoException) => {
      if (code === 'ENOENT') out.fail('not_found', 'there is no recording of that session on this device');
      else out.fail('io', `the recording cannot be read (${code})`);
    });
  };

async function send(sessionId: string, recordings: RuntimeHost['recordings'], out: OutgoingFrames): Promise<void> {
  const file = await recordings.read(sessionId);
  try {
    out.json(frameTypes.accepted, {});
    const buffer = Buffer.allocUnsafe(chunkBytes);
    for (let at = 0; !out.isOver; ) {
      const { bytesRead } = await file.read(buffer, 0, chunkBytes, at);
      if (bytesRead === 0) break;
      at += bytesRead;
      if (!out.send(frameTypes.data, buffer.subarray(0, bytesRead))) await out.room();
    }
    out.send(frameTypes.eof, new Uint8Array());
    out.finish();
  } finally {
    await file.close();
  }
}
