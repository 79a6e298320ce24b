import { safeParse } from '@gatehouse/schema';
import type { ByteStream, StreamEnd } from '@gatehouse/transport';
import type { z } from 'zod';
import { FrameReader, type FrameShape } from './frame-reader.js';
import type { GrantClaims } from './grant.js';
import type { SessionReport } from './hello.js';
import { type FrameType, frameTypes, maxFrameBytes, type OpenMessage } from './messages.js';

/** Frames both ways over a sealed stream that outlives its carrier. The rules of `ByteStream` hold: see there. */
export interface FrameStream {
  /** The payload's memory is the callee's only during the call. */
  onFrame: (type: FrameType, payload: Uint8Array) => void;
  onEnd: () => void;
  onReset: (end: StreamEnd) => void;
  onDrain: () => void;
  /** At most `maxFrameBytes`. False: wait for `onDrain` before sending more. */
  send(type: FrameType, payload: Uint8Array): boolean;
  sendJson(type: FrameType, value: unknown): boolean;
  end(): void;
  reset(end: StreamEnd): void;
  pause(): void;
  resume(): void;
}

/** A session as the device serves it: the grant was verified, and `open` is within it. */
export interface ServedSession<Kind extends OpenMessage['kind'] = OpenMessage['kind']> {
  readonly grant: GrantClaims;
  readonly open: Extract<OpenMessage, { kind: Kind }>;
  /** `accepted` or `error` has still to be sent; the `open` frame is not among those that come. */
  readonly stream: FrameStream;
  /** Of the client, as the relay says: evidence, nothing to decide by. */
  readonly source: string | undefined;
  /** Aborted when the session is over for whatever reason: revoked, expired, broken beyond resumption. Everything it started is ended then. */
  readonly ended: AbortSignal;
  /** Tells the relay, and through it the ledger. Kept and sent again until a relay took it. */
  report(event: SessionReport['event']): void;
}

export type SessionHandlers = { readonly [Kind in OpenMessage['kind']]?: (session: ServedSession<Kind>) => void };

const headerBytes = 5;
const knownTypes: ReadonlySet<number> = new Set(Object.values(frameTypes));

const shape: FrameShape = {
  headerBytes,
  maxBodyBytes: maxFrameBytes,
  bodyLength: (bytes, at) =>
    knownTypes.has(bytes[at] ?? 0) ? new DataView(bytes.buffer, bytes.byteOffset).getUint32(at + 1) : -1,
};

class FramesOverBytes implements FrameStream {
  onEnd: FrameStream['onEnd'] = () => undefined;
  onReset: FrameStream['onReset'] = () => undefined;
  onDrain: FrameStream['onDrain'] = () => undefined;
  readonly #reader: FrameReader;
  readonly #header = Buffer.alloc(headerBytes);
  #onFrame: FrameStream['onFrame'] | undefined;

  constructor(private readonly lower: ByteStream) {
    this.#reader = new FrameReader(lower, shape);
    // A stream that comes out of a promise has no callbacks for some turns.
    this.#reader.pause();
    this.#reader.onFrame = (bytes, start, end) =>
      this.#onFrame?.(bytes[start] as FrameType, bytes.subarray(start + headerBytes, end));
    this.#reader.onEnd = () => this.onEnd();
    this.#reader.onBroken = () => {
      const end: StreamEnd = { code: 'protocol', detail: 'not a frame' };
      this.reset(end);
      this.onReset(end);
    };
    lower.onReset = (end) => {
      this.#reader.stop();
      this.onReset(end);
    };
    lower.onDrain = () => this.onDrain();
  }

  get onFrame(): FrameStream['onFrame'] {
    return this.#onFrame ?? (() => undefined);
  }

  set onFrame(callback: FrameStream['onFrame']) {
    const isFirst = !this.#onFrame;
    this.#onFrame = callback;
    if (isFirst) this.#reader.resume();
  }

  send(type: FrameType, payload: Uint8Array): boolean {
    if (payload.byteLength > maxFrameBytes) throw new RangeError('frame too long');
    this.#header[0] = type;
    this.#header.writeUInt32BE(payload.byteLength, 1);
    const mayGoOn = this.lower.write(this.#header);
    return payload.byteLength === 0 ? mayGoOn : this.lower.write(payload);
  }

  sendJson(type: FrameType, value: unknown): boolean {
    return this.send(type, Buffer.from(JSON.stringify(value), 'utf8'));
  }

  end(): void {
    this.lower.end();
  }

  reset(end: StreamEnd): void {
    this.#reader.stop();
    this.lower.reset(end);
  }

  pause(): void {
    this.#reader.pause();
  }

  resume(): void {
    this.#reader.resume();
  }
}

/**
 * Frames over any byte stream. What is no frame, is of a type that nobody knows or stops halfway ends it with `protocol`.
 *
 * @example const [client, device] = memoryStreams().map(frameStream);
 */
export const frameStream = (lower: ByteStream): FrameStream => new FramesOverBytes(lower);

/** The JSON of a frame as its schema has it; undefined for anything else. */
export function frameJson<T>(schema: z.ZodType<T>, payload: Uint8Array): T | undefined {
  try {
    return safeParse(schema, JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload))).data;
  } catch {
    return undefined;
  }
}
