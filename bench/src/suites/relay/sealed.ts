import { randomUUID } from 'node:crypto';
import {
  acceptChannel,
  type FrameStream,
  frameStream,
  nodePrimitives,
  openChannel,
  ResumableStream,
} from '@gatehouse/session';
import { type ByteStream, StreamReset } from '@gatehouse/transport';

/** A device's session key, base64url. */
export interface SessionKey {
  readonly public: string;
  readonly secret: string;
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
const bytes = (base64url: string): Buffer => Buffer.from(base64url, 'base64url');

export function newSessionKey(): SessionKey {
  const pair = nodePrimitives.generateKeyPair();
  return { public: text(pair.public), secret: text(pair.secret) };
}

/** The device's side of what a session is without its relay: a channel, and a stream in it that would outlive it. */
export function acceptSealed(lower: ByteStream, key: SessionKey, onStream: (stream: FrameStream) => void): void {
  acceptChannel(lower, {
    statics: [{ public: bytes(key.public), secret: bytes(key.secret) }],
    decide: () => ({ received: 0, run: randomUUID() }),
    onConfirmed: (channel) => {
      const stream = new ResumableStream({ lost: 'client_lost' });
      stream.attach(channel, { peerReceived: 0, told: 0 });
      onStream(frameStream(stream));
    },
    onFailed: (end) => {
      throw new StreamReset(end);
    },
  });
}

/** The client's side. */
export const openSealed = (lower: ByteStream, key: SessionKey): Promise<FrameStream> =>
  new Promise((resolve, reject) => {
    const opening = openChannel({
      static: nodePrimitives.generateKeyPair(),
      remoteStatic: bytes(key.public),
      offer: { v: 1, grant: 'none', stream: randomUUID(), received: 0 },
      onAnswer: (_, channel) => {
        const stream = new ResumableStream({ lost: 'device_lost' });
        stream.attach(channel, { peerReceived: 0, told: 0 });
        resolve(frameStream(stream));
      },
      onFailed: (end) => reject(new StreamReset(end)),
    });
    lower.write(opening.first);
    opening.read(lower);
  });
