import type { KeyPair } from '@gatehouse/noise';
import { safeParse } from '@gatehouse/schema';
import type { ByteStream, Carrier, StreamEnd } from '@gatehouse/transport';
import { StreamReset } from '@gatehouse/transport';
import type { ChannelAnswer, ChannelOffer } from '../channel/channel-offer.js';
import { openChannel } from '../channel/open-channel.js';
import { opened } from '../hello.js';
import { MessageStream } from '../message-stream.js';
import { giveUp } from '../resumable/close-gently.js';

const relayAnswersMs = 15_000;

/** What came of one attempt to reach the device over one relay. */
export type Carried =
  | { readonly result: 'attached' }
  /** The relay's word: anybody could say it. */
  | { readonly result: 'relay_refused'; readonly code: string; readonly retryAfterMs: number }
  /** The device's own word. */
  | { readonly result: 'device_refused'; readonly code: string }
  | { readonly result: 'over'; readonly code: string }
  | { readonly result: 'failed'; readonly end: StreamEnd };

export interface CarriedOptions {
  readonly carrier: Carrier;
  readonly static: KeyPair;
  readonly remoteStatic: Uint8Array;
  readonly offer: ChannelOffer;
  /** For the relay's answer, and for the device's; each its own default unless given. */
  readonly timeoutMs?: number | undefined;
  /** In this turn what lives on `stream` is to be attached. */
  readonly attach: (stream: ByteStream, answer: Extract<ChannelAnswer, { received: number }>) => void;
}

/** Opens a stream on a carrier and in it a channel to the device. The first message of the channel does not wait for the relay. */
export function openCarried(options: CarriedOptions): Promise<Carried> {
  return new Promise((resolve) => {
    let raw: ByteStream;
    try {
      raw = options.carrier.open();
    } catch (error) {
      if (!(error instanceof StreamReset)) throw error;
      return resolve({ result: 'failed', end: error.end });
    }
    const messages = new MessageStream(raw);
    const fail = (end: StreamEnd) => {
      clearTimeout(timer);
      resolve({ result: 'failed', end });
    };
    const giveUpWith = (end: StreamEnd) => {
      messages.reset(end);
      fail(end);
    };
    const timer = setTimeout(
      () => giveUpWith({ code: 'timeout', detail: 'the relay says nothing' }),
      options.timeoutMs ?? relayAnswersMs,
    );
    const channel = openChannel({
      static: options.static,
      remoteStatic: options.remoteStatic,
      offer: options.offer,
      ...(options.timeoutMs !== undefined && { timeoutMs: options.timeoutMs }),
      onAnswer: (answer, stream) => {
        if ('received' in answer) options.attach(stream, answer);
        else giveUp(stream, { code: 'closed' });
        resolve(
          'received' in answer
            ? { result: 'attached' }
            : 'over' in answer
              ? { result: 'over', code: answer.over }
              : { result: 'device_refused', code: answer.refused },
        );
      },
      onFailed: (end) => resolve({ result: 'failed', end }),
    });
    messages.onReset = fail;
    messages.onEnd = () => giveUpWith({ code: 'closed' });
    messages.onMessage = (message) => {
      clearTimeout(timer);
      const said = safeParse(opened, message);
      if (!said.success) return giveUpWith({ code: 'protocol', detail: 'not an answer of a relay' });
      if (said.data.type === 'opened') return channel.read(messages.release());
      messages.reset({ code: 'closed' });
      resolve({ result: 'relay_refused', code: said.data.code, retryAfterMs: said.data.retryAfterMs ?? 0 });
    };
    messages.send({ type: 'open', grant: options.offer.grant });
    raw.write(channel.first);
  });
}
