import { initiator, type KeyPair, recordLengthBytes } from '@gatehouse/noise';
import type { ByteStream, StreamEnd } from '@gatehouse/transport';
import { FrameReader } from '../frame-reader.js';
import { frameJson } from '../frame-stream.js';
import { nodePrimitives } from '../node-primitives.js';
import { giveUp } from '../resumable/close-gently.js';
import {
  type ChannelAnswer,
  type ChannelOffer,
  channelAnswer,
  channelPrologue,
  handshakeMs,
  notAHandshake,
  timedOut,
} from './channel-offer.js';
import { recordShape, SealedStream } from './sealed-stream.js';

/** A handshake message as it is sent: behind its length. */
export function framedMessage(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(recordLengthBytes + message.byteLength);
  frame.writeUInt16BE(message.byteLength);
  frame.set(message, recordLengthBytes);
  return frame;
}

export interface ChannelOpening {
  /** Of this client alone: the one that the grant names. */
  readonly static: KeyPair;
  /** The device's session key, as the registry told it: 32 bytes. */
  readonly remoteStatic: Uint8Array;
  readonly offer: ChannelOffer;
  /** The device answered, as nobody else can. To attach what lives on `stream` in this turn. */
  readonly onAnswer: (answer: ChannelAnswer, stream: ByteStream) => void;
  /** Nothing came of it: the stream below broke, or whoever answered was not the device (`protocol`). */
  readonly onFailed: (end: StreamEnd) => void;
  /** 10 s unless given. */
  readonly timeoutMs?: number;
}

/**
 * The client's side of a channel. The first message can be sent before anybody said that the way to the device is open; its answer is
 * read from the stream that is given to `read`.
 */
export function openChannel(options: ChannelOpening): { first: Buffer; read(lower: ByteStream): void } {
  const handshake = initiator({
    static: options.static,
    remoteStatic: options.remoteStatic,
    prologue: channelPrologue,
    primitives: nodePrimitives,
  });
  const first = framedMessage(handshake.write(Buffer.from(JSON.stringify(options.offer), 'utf8')));
  const read = (lower: ByteStream): void => {
    const fail = (end: StreamEnd) => {
      clearTimeout(timer);
      reader.stop();
      giveUp(lower, end);
      options.onFailed(end);
    };
    const timer = setTimeout(() => fail(timedOut), options.timeoutMs ?? handshakeMs);
    const reader = new FrameReader(lower, recordShape);
    lower.onReset = fail;
    reader.onEnd = reader.onBroken = () => fail({ code: 'closed' });
    reader.onFrame = (bytes, start, end) => {
      clearTimeout(timer);
      let answer: ChannelAnswer | undefined;
      try {
        answer = frameJson(
          channelAnswer,
          handshake.read(new Uint8Array(bytes.subarray(start + recordLengthBytes, end))),
        );
      } catch {
        // Whoever answered does not hold the device's key, or somebody altered what it said.
      }
      if (answer) options.onAnswer(answer, new SealedStream(lower, reader, handshake.transport()));
      else fail(notAHandshake);
    };
  };
  return { first, read };
}
