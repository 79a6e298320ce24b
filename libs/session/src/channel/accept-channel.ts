import { type KeyPair, NoiseError, recordLengthBytes, responder, type Transport } from '@gatehouse/noise';
import type { ByteStream, StreamEnd } from '@gatehouse/transport';
import { FrameReader } from '../frame-reader.js';
import { frameJson } from '../frame-stream.js';
import { nodePrimitives } from '../node-primitives.js';
import { closeGently, giveUp } from '../resumable/close-gently.js';
import {
  type ChannelAnswer,
  type ChannelOffer,
  channelOffer,
  channelPrologue,
  handshakeMs,
  notAHandshake,
  timedOut,
} from './channel-offer.js';
import { framedMessage } from './open-channel.js';
import { recordShape, SealedStream } from './sealed-stream.js';

export interface ChannelAcceptance {
  /** The device's session key pairs, the newest first: the one before it is good for what was granted before a rotation. */
  readonly statics: readonly KeyPair[];
  /**
   * What to answer to a client that named `holder` as its static key. It may be a replay of what somebody recorded: nothing may be
   * changed or done for it.
   */
  readonly decide: (offer: ChannelOffer, holder: Uint8Array) => ChannelAnswer;
  /** The client showed that it holds the key, now. To attach what lives on `stream` in this turn. */
  readonly onConfirmed: (stream: ByteStream, offer: ChannelOffer, answer: ChannelAnswer) => void;
  /** It came to nothing. */
  readonly onFailed: (end: StreamEnd) => void;
  /** From the first byte to the client's first record; 10 s unless given. */
  readonly timeoutMs?: number;
}

/** The device's side of a channel, over a stream that a relay opened to it. */
export function acceptChannel(lower: ByteStream, options: ChannelAcceptance): void {
  const reader = new FrameReader(lower, recordShape);
  const fail = (end: StreamEnd) => {
    clearTimeout(timer);
    reader.stop();
    giveUp(lower, end);
    options.onFailed(end);
  };
  const timer = setTimeout(() => fail(timedOut), options.timeoutMs ?? handshakeMs);
  lower.onReset = fail;
  reader.onEnd = reader.onBroken = () => fail({ code: 'closed' });
  reader.onFrame = (bytes, start, end) => {
    const greeting = greet(new Uint8Array(bytes.subarray(start + recordLengthBytes, end)), options);
    if (!greeting) return fail(notAHandshake);
    lower.write(greeting.message);
    if (!('received' in greeting.answer)) {
      clearTimeout(timer);
      reader.stop();
      closeGently(lower, { code: 'refused' });
      return options.onFailed({ code: 'refused' });
    }
    confirm(greeting);
  };

  const confirm = ({ transport, offer, answer }: Greeting) => {
    reader.onFrame = (bytes, start, end) => {
      let text: Uint8Array;
      try {
        text = transport.open(bytes.subarray(start + recordLengthBytes, end));
      } catch (error) {
        if (error instanceof NoiseError) return fail(notAHandshake);
        throw error;
      }
      clearTimeout(timer);
      const stream = new SealedStream(lower, reader, transport);
      options.onConfirmed(stream, offer, answer);
      if (text.byteLength > 0) stream.onData(text);
    };
  };
}

interface Greeting {
  readonly message: Buffer;
  readonly offer: ChannelOffer;
  readonly answer: ChannelAnswer;
  readonly transport: Transport;
}

/** Reads the first message and answers it; undefined when it is none for this device. */
function greet(message: Uint8Array, { statics, decide }: ChannelAcceptance): Greeting | undefined {
  for (const pair of statics) {
    const handshake = responder({ static: pair, prologue: channelPrologue, primitives: nodePrimitives });
    let offer: ChannelOffer | undefined;
    try {
      offer = frameJson(channelOffer, handshake.read(message));
    } catch (error) {
      if (error instanceof NoiseError) continue;
      throw error;
    }
    const holder = handshake.remoteStatic;
    if (!offer || !holder) return undefined;
    const answer = decide(offer, holder);
    const payload = Buffer.from(JSON.stringify(answer), 'utf8');
    return { message: framedMessage(handshake.write(payload)), offer, answer, transport: handshake.transport() };
  }
  return undefined;
}
