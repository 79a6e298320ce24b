import { decodeReason, encodeReason, maxReasonBytes, type StreamEnd } from '@gatehouse/transport';

/**
 * Frames below a stream that outlives its carrier: type (u8), length of the body (u24), a number (u48), body; all big endian.
 *
 * | type | number | body |
 * |---|---|---|
 * | data | offset of its first byte | at most 65,509 bytes, so that a frame fits one sealed record |
 * | ack | how much its sender took; the end counts as one byte more | |
 * | end | offset behind the last byte | |
 * | reset | 0 | the reason, as carriers write it |
 * | ping | 0 | |
 */
export const resumeTypes = { data: 1, ack: 2, end: 3, reset: 4, ping: 5 } as const;
export const resumeHeaderBytes = 10;
export const maxDataBytes = 65_509;

export function writeHeader(into: Buffer, type: number, length: number, number: number): Buffer {
  into[0] = type;
  into.writeUIntBE(length, 1, 3);
  into.writeUIntBE(number, 4, 6);
  return into;
}

export const headerOf = (type: number, number: number, length = 0): Buffer =>
  writeHeader(Buffer.allocUnsafe(resumeHeaderBytes), type, length, number);

export function resetFrame(end: StreamEnd): Buffer {
  const body = encodeReason(end);
  return Buffer.concat([headerOf(resumeTypes.reset, 0, body.byteLength), body]);
}

/** What comes of the peer's frames. */
export interface ResumeSink {
  /** A part of what a data frame holds, where it lies: `offset` is that of the part. */
  data(offset: number, bytes: Uint8Array): void;
  ack(offset: number): void;
  end(offset: number): void;
  reset(end: StreamEnd): void;
  ping(): void;
  /** No frame is like this. */
  broken(): void;
}

/** Takes a peer's frames apart as they come; data is handed on without waiting for the rest of its frame. */
export class ResumeParser {
  readonly #head = Buffer.alloc(resumeHeaderBytes + maxReasonBytes);
  /** How much of a header, or of a header with the body of a reset, is there. */
  #have = 0;
  /** Of the data frame that goes on. */
  #left = 0;
  #offset = 0;
  #isStopped = false;

  constructor(private readonly sink: ResumeSink) {}

  /** The sink is called no more. */
  stop(): void {
    this.#isStopped = true;
  }

  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.byteLength && !this.#isStopped; ) {
      at = this.#left > 0 ? this.#data(chunk, at) : this.#header(chunk, at);
    }
  }

  #data(chunk: Uint8Array, at: number): number {
    const length = Math.min(this.#left, chunk.byteLength - at);
    const offset = this.#offset;
    this.#left -= length;
    this.#offset += length;
    this.sink.data(offset, chunk.subarray(at, at + length));
    return at + length;
  }

  #header(chunk: Uint8Array, at: number): number {
    const isReset = this.#have >= resumeHeaderBytes;
    const wanted = isReset ? resumeHeaderBytes + this.#head.readUIntBE(1, 3) : resumeHeaderBytes;
    const end = Math.min(chunk.byteLength, at + wanted - this.#have);
    this.#head.set(chunk.subarray(at, end), this.#have);
    this.#have += end - at;
    if (this.#have < wanted) return end;
    if (isReset) this.#reset(this.#head.subarray(resumeHeaderBytes, wanted));
    else this.#frame();
    return end;
  }

  #frame() {
    const type = this.#head[0];
    const length = this.#head.readUIntBE(1, 3);
    const number = this.#head.readUIntBE(4, 6);
    if (type === resumeTypes.reset && length > 0 && length <= maxReasonBytes) return;
    this.#have = 0;
    if (type === resumeTypes.data && length > 0 && length <= maxDataBytes) {
      this.#left = length;
      this.#offset = number;
    } else if (length > 0) this.#break();
    else if (type === resumeTypes.ack) this.sink.ack(number);
    else if (type === resumeTypes.end) this.sink.end(number);
    else if (type === resumeTypes.ping) this.sink.ping();
    else this.#break();
  }

  #reset(body: Buffer) {
    this.#have = 0;
    const end = decodeReason(body);
    if (end) this.sink.reset(end);
    else this.#break();
  }

  #break(): void {
    this.#isStopped = true;
    this.sink.broken();
  }
}
