import {
  maxMessageBytes,
  maxRecordText,
  NoiseError,
  recordLengthBytes,
  sealOverhead,
  type Transport,
} from '@gatehouse/noise';
import type { ByteStream, StreamEnd } from '@gatehouse/transport';
import type { FrameReader, FrameShape } from '../frame-reader.js';

/** Of handshake messages and of records: a length (u16, big endian), and so many bytes. */
export const recordShape: FrameShape = {
  headerBytes: recordLengthBytes,
  maxBodyBytes: maxMessageBytes,
  bodyLength: (bytes, at) => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0),
};

const nothing = new Uint8Array(0);

/** A record as it leaves: streams copy what they keep, so there is one for the process. */
const sealed = Buffer.allocUnsafeSlow(maxRecordText + sealOverhead);
/** Where small pieces become one record; given back when it was sealed. */
const spare: Buffer[] = [];
const maxSpare = 16;

/**
 * Bytes sealed between client and device: what lies below sees lengths and times. Pieces that are written in one turn share records.
 *
 * `onEnd` is what the carrier says, and a relay could say it early: the stream above knows where its end is.
 */
export class SealedStream implements ByteStream {
  onData: ByteStream['onData'] = () => undefined;
  onEnd: ByteStream['onEnd'] = () => undefined;
  /** `protocol` for a record that does not open: nothing is read any more. */
  onReset: ByteStream['onReset'] = () => undefined;
  onDrain: ByteStream['onDrain'] = () => undefined;
  #pending: Buffer | undefined;
  #pendingBytes = 0;
  #hasRoom = true;
  /** `write` said no, and nobody was called back yet. */
  #owesDrain = false;
  #isOver = false;

  /** After the handshake that was read with `reader`, which is taken over. */
  constructor(
    private readonly lower: ByteStream,
    private readonly reader: FrameReader,
    private readonly transport: Transport,
  ) {
    reader.onFrame = (bytes, start, end) => this.open(bytes.subarray(start + recordLengthBytes, end));
    reader.onEnd = () => this.onEnd();
    reader.onBroken = () => this.#break({ code: 'lost', detail: 'cut off within a record' });
    lower.onReset = (end) => {
      this.#isOver = true;
      reader.stop();
      this.onReset(end);
    };
    lower.onDrain = () => this.#drained();
  }

  /** Hands on what the peer's next record says. */
  open(record: Uint8Array) {
    let text: Uint8Array;
    try {
      text = this.transport.open(record);
    } catch (error) {
      if (error instanceof NoiseError) return this.#break({ code: 'protocol', detail: 'a record does not open' });
      throw error;
    }
    if (text.byteLength > 0) this.onData(text);
    this.transport.forget(text);
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isOver) return true;
    for (let at = 0; at < chunk.byteLength; ) at += this.#gather(chunk, at);
    this.#owesDrain ||= !this.#hasRoom;
    return !this.#owesDrain;
  }

  end(): void {
    if (this.#isOver) return;
    this.#flush();
    this.lower.end();
  }

  reset(end: StreamEnd): void {
    this.#isOver = true;
    this.#pendingBytes = 0;
    this.#release();
    this.reader.stop();
    this.lower.reset(end);
  }

  pause(): void {
    this.reader.pause();
  }

  resume(): void {
    this.reader.resume();
  }

  /** Takes as much as one record has room for. A chunk that fills a record, alone or behind what waits, is not copied first. */
  #gather(chunk: Uint8Array, at: number): number {
    const left = chunk.byteLength - at;
    const room = maxRecordText - this.#pendingBytes;
    if (left >= room) {
      this.#flush(chunk.subarray(at, at + room));
      return room;
    }
    const isFirst = this.#pendingBytes === 0;
    this.#pending ??= spare.pop() ?? Buffer.allocUnsafeSlow(maxRecordText);
    this.#pending.set(at === 0 ? chunk : chunk.subarray(at), this.#pendingBytes);
    this.#pendingBytes += left;
    if (isFirst) queueMicrotask(() => this.#flush());
    return left;
  }

  /** What waits, and behind it `last`. */
  #flush(last: Uint8Array = nothing): void {
    const waiting = this.#pending?.subarray(0, this.#pendingBytes) ?? nothing;
    this.#pendingBytes = 0;
    if (waiting.byteLength > 0 && last.byteLength === 0) this.#seal(waiting);
    else if (last.byteLength > 0) this.#seal(last, waiting);
    this.#release();
  }

  #release(): void {
    if (this.#pending && spare.length < maxSpare) spare.push(this.#pending);
    this.#pending = undefined;
  }

  #seal(text: Uint8Array, head: Uint8Array = nothing): void {
    const length = this.transport.seal(text, sealed, 0, head);
    this.#hasRoom = this.lower.write(sealed.subarray(0, length));
    // A stream that takes more by now may not call back for what it said before.
    if (this.#hasRoom && this.#owesDrain) queueMicrotask(() => this.#hasRoom && this.#drained());
  }

  #drained(): void {
    this.#hasRoom = true;
    if (!this.#owesDrain || this.#isOver) return;
    this.#owesDrain = false;
    this.onDrain();
  }

  #break(end: StreamEnd): void {
    this.reset(end);
    this.onReset(end);
  }
}
