import type { ByteStream, StreamEnd } from '@gatehouse/transport';
import { FrameReader, type FrameShape } from './frame-reader.js';

/** Of one JSON text. */
export const maxMessageBytes = 65_536;
const headerBytes = 4;
const shape: FrameShape = {
  headerBytes,
  maxBodyBytes: maxMessageBytes,
  bodyLength: (bytes, at) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(at),
};

/**
 * One JSON text each behind its length (u32, big endian): control streams, and the first words of every other one. Messages are
 * parsed and not looked at: whoever takes them has a schema.
 *
 * @example
 * const control = new MessageStream(carrier.open());
 * control.onMessage = (value) => answer(challenge.parse(value));
 */
export class MessageStream {
  onMessage: (value: unknown) => void = () => undefined;
  onEnd: () => void = () => undefined;
  /** By the peer, or `protocol`: what came was no message. */
  onReset: (end: StreamEnd) => void = () => undefined;
  onDrain: () => void = () => undefined;
  readonly #reader: FrameReader;

  constructor(private readonly lower: ByteStream) {
    this.#reader = new FrameReader(lower, shape);
    this.#reader.onFrame = (bytes, start, end) => this.#take(bytes.subarray(start + headerBytes, end));
    this.#reader.onEnd = () => this.onEnd();
    this.#reader.onBroken = () => this.#break();
    lower.onReset = (end) => {
      this.#reader.stop();
      this.onReset(end);
    };
    lower.onDrain = () => this.onDrain();
  }

  /** @throws RangeError for a text that no peer would take */
  send(message: unknown): boolean {
    const text = Buffer.from(JSON.stringify(message), 'utf8');
    if (text.byteLength > maxMessageBytes) throw new RangeError('message too long');
    const frame = Buffer.allocUnsafe(headerBytes + text.byteLength);
    frame.writeUInt32BE(text.byteLength);
    text.copy(frame, headerBytes);
    return this.lower.write(frame);
  }

  end(): void {
    this.lower.end();
  }

  reset(end: StreamEnd): void {
    this.#reader.stop();
    this.lower.reset(end);
  }

  /** No more messages: the bytes from here on, of which some may have come already. To be called within `onMessage`. */
  release(): ByteStream {
    return new ReleasedStream(this.lower, this.#reader.stop());
  }

  #take(text: Uint8Array) {
    let value: unknown;
    try {
      value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
    } catch {
      return this.#break();
    }
    this.onMessage(value);
  }

  #break(): void {
    const end: StreamEnd = { code: 'protocol', detail: 'not a message' };
    this.reset(end);
    this.onReset(end);
  }
}

/** A stream of which a beginning was read already: that comes first. */
class ReleasedStream implements ByteStream {
  onData: ByteStream['onData'] = () => undefined;
  onEnd: ByteStream['onEnd'] = () => undefined;
  onReset: ByteStream['onReset'] = () => undefined;
  onDrain: ByteStream['onDrain'] = () => undefined;
  #paused = false;
  #isOver = false;

  constructor(
    private readonly lower: ByteStream,
    private head: Uint8Array,
  ) {
    lower.onData = (chunk) => this.onData(chunk);
    lower.onEnd = () => this.#end();
    lower.onReset = (end) => {
      this.#isOver = true;
      this.onReset(end);
    };
    lower.onDrain = () => this.onDrain();
    if (head.byteLength === 0) return;
    lower.pause();
    queueMicrotask(() => this.#giveHead());
  }

  write(chunk: Uint8Array): boolean {
    return this.lower.write(chunk);
  }

  end(): void {
    this.lower.end();
  }

  reset(end: StreamEnd): void {
    this.#isOver = true;
    this.lower.reset(end);
  }

  pause(): void {
    this.#paused = true;
    this.lower.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.head.byteLength > 0) queueMicrotask(() => this.#giveHead());
    else this.lower.resume();
  }

  #endWaits = false;

  #giveHead(): void {
    if (this.#paused || this.#isOver || this.head.byteLength === 0) return;
    const { head } = this;
    this.head = new Uint8Array(0);
    this.onData(head);
    if (this.#isOver) return;
    if (this.#endWaits) this.onEnd();
    else if (!this.#paused) this.lower.resume();
  }

  /** A stream may tell its end while it is paused, when no data is left in it. */
  #end(): void {
    if (this.head.byteLength > 0) this.#endWaits = true;
    else this.onEnd();
  }
}
