import { maxReasonBytes } from '../stream-end.js';

/**
 * What goes over one TLS connection: frames of {stream u32, type u8, length u24, payload}, big endian. Stream 0 is the
 * connection; whoever dialled opens odd numbers, whoever listened even ones, each in order. The first frame of each side is
 * `settings`.
 */
export const frameType = {
  /** u32 version, u32 streams that the peer may open, u32 bytes that a new stream may be sent. */
  settings: 0,
  /** Nothing. */
  open: 1,
  data: 2,
  /** u32: so many bytes more may be sent on this stream. */
  window: 3,
  /** Nothing: this side of the stream is complete. */
  end: 4,
  /** A reason: both sides of the stream are given up. */
  reset: 5,
  /** 8 bytes that come back as `pong`. */
  ping: 6,
  pong: 7,
  /** A reason: the connection ends. */
  close: 8,
  /** u32: so many bytes that were allowed on this stream will not be sent: its window is smaller by them. */
  unused: 9,
} as const;

export const headerBytes = 8;
export const version = 1;
/** Largest `data` we take; smaller ones are sent. */
export const maxDataBytes = 65_536;

const fixed = (length: number) => [length, length] as const;
/** Least and most bytes of each type's payload, in the order of the types. */
const lengths: readonly (readonly [number, number])[] = [
  fixed(12),
  fixed(0),
  [1, maxDataBytes],
  fixed(4),
  fixed(0),
  [1, maxReasonBytes],
  fixed(8),
  fixed(8),
  [1, maxReasonBytes],
  fixed(4),
];
/** Those of the connection and not of a stream. */
const connectionTypes = new Set<number>([frameType.settings, frameType.ping, frameType.pong, frameType.close]);

/** The peer does not keep to the protocol. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

export interface FrameHandler {
  /** The header of a `data` frame, before any of its bytes. */
  dataBegins(stream: number, length: number): void;
  /** A part of it; the memory is the caller's. */
  data(stream: number, part: Buffer): void;
  /** Any other frame, whole; the memory is the caller's. */
  frame(stream: number, type: number, payload: Buffer): void;
}

export function writeHeader(into: Buffer, at: number, stream: number, type: number, length: number): void {
  into.writeUInt32BE(stream, at);
  into.writeUInt32BE(type * 0x1000000 + length, at + 4);
}

/** Cuts what arrives into frames. Data is handed on as it comes, so nothing larger than a reason is ever kept. */
export class FrameReader {
  readonly #header = Buffer.alloc(headerBytes);
  readonly #payload = Buffer.alloc(maxReasonBytes);
  #have = 0;
  #stream = 0;
  /** -1: a header is next. */
  #type = -1;
  #current = -1;
  #length = 0;

  constructor(private readonly handler: FrameHandler) {}

  /** Of the frame that is being read or handed on. */
  get type(): number {
    return this.#current;
  }

  /** @throws ProtocolError @param go asked before each frame: false once the connection is over */
  push(chunk: Buffer, go: () => boolean): void {
    let at = 0;
    while (at < chunk.length && go()) {
      if (this.#type < 0) at = this.#readHeader(chunk, at);
      else if (this.#type === frameType.data) at = this.#readData(chunk, at);
      else at = this.#readPayload(chunk, at);
    }
  }

  #readHeader(chunk: Buffer, at: number): number {
    const count = Math.min(headerBytes - this.#have, chunk.length - at);
    chunk.copy(this.#header, this.#have, at, at + count);
    this.#have += count;
    if (this.#have < headerBytes) return at + count;
    this.#have = 0;
    this.#stream = this.#header.readUInt32BE(0);
    this.#type = this.#header[4] ?? 0;
    this.#current = this.#type;
    this.#length = this.#header.readUIntBE(5, 3);
    this.#check();
    if (this.#type === frameType.data) this.handler.dataBegins(this.#stream, this.#length);
    else if (this.#length === 0) this.#deliver();
    return at + count;
  }

  #check(): void {
    const range = lengths[this.#type];
    if (!range) throw new ProtocolError(`unknown frame type ${this.#type}`);
    if (this.#length < range[0] || this.#length > range[1]) throw new ProtocolError('a frame of impossible length');
    if (connectionTypes.has(this.#type) !== (this.#stream === 0))
      throw new ProtocolError('a frame on the wrong stream');
  }

  #readData(chunk: Buffer, at: number): number {
    const count = Math.min(this.#length, chunk.length - at);
    this.#length -= count;
    if (this.#length === 0) this.#type = -1;
    this.handler.data(this.#stream, chunk.subarray(at, at + count));
    return at + count;
  }

  #readPayload(chunk: Buffer, at: number): number {
    const count = Math.min(this.#length - this.#have, chunk.length - at);
    chunk.copy(this.#payload, this.#have, at, at + count);
    this.#have += count;
    if (this.#have === this.#length) this.#deliver();
    return at + count;
  }

  #deliver(): void {
    const type = this.#type;
    this.#type = -1;
    this.#have = 0;
    this.handler.frame(this.#stream, type, this.#payload.subarray(0, this.#length));
  }
}
