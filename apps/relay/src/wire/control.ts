import { MessageStream } from '@gatehouse/session';
import type { ByteStream, StreamEnd } from '@gatehouse/transport';

/** Messages written while a peer reads none of them: more, and it is given up. */
const maxUnread = 4_096;

/** The control stream of a carrier, as the side sees it that was dialled. */
export class Control {
  /** One JSON value as it came. */
  onMessage: (value: unknown) => void = () => undefined;
  /** The peer ended it, gave it up, or sent what is no message. */
  onGone: (end: StreamEnd) => void = () => undefined;
  readonly #messages: MessageStream;
  #unread = 0;
  #gone = false;

  constructor(stream: ByteStream) {
    this.#messages = new MessageStream(stream);
    this.#messages.onMessage = (value) => !this.#gone && this.onMessage(value);
    this.#messages.onEnd = () => this.#end({ code: 'closed' });
    this.#messages.onReset = (end) => this.#end(end);
    this.#messages.onDrain = () => {
      this.#unread = 0;
    };
  }

  send(message: object): void {
    if (this.#gone) return;
    if (this.#messages.send(message)) return;
    this.#unread++;
    if (this.#unread <= maxUnread) return;
    const end = { code: 'limit', detail: 'the control stream is not read' };
    this.#messages.reset(end);
    this.#end(end);
  }

  #end(end: StreamEnd): void {
    if (this.#gone) return;
    this.#gone = true;
    this.onGone(end);
  }
}
