import { type ByteStream, giveBlock, takeBlock } from '@gatehouse/transport';

/** Frames that begin with a header which says how long the body is. */
export interface FrameShape {
  readonly headerBytes: number;
  readonly maxBodyBytes: number;
  /** Of the body, as the header at `at` says; negative when no frame begins so. */
  bodyLength(bytes: Uint8Array, at: number): number;
}

const nothing: Uint8Array = new Uint8Array(0);

/** Below this, fresh memory is cheap; above the other, there are no blocks. */
const [smallBytes, largeBytes] = [4_096, 262_144];

const memoryFor = (length: number): Uint8Array =>
  length <= smallBytes || length > largeBytes ? new Uint8Array(length) : takeBlock(length);

/**
 * Cuts a byte stream, which comes in any pieces, into whole frames. A frame within one piece is handed on where it lies; only one
 * that is spread over several is put together first. Takes `onData` and `onEnd` of the stream.
 */
export class FrameReader {
  /** Header and body, from `start` to `end`: the callee's only during the call. */
  onFrame: (bytes: Uint8Array, start: number, end: number) => void = () => undefined;
  onEnd: () => void = () => undefined;
  /** No frame begins like this, or the stream ended within one. Nothing is called afterwards. */
  onBroken: () => void = () => undefined;
  /** The beginning of a frame, of which more is to come. */
  #held: Uint8Array = nothing;
  #heldLength = 0;
  /** What came behind the frame at which the callee said `pause`. */
  #rest: Uint8Array = nothing;
  /** What is being taken apart at the moment, and how far. */
  #chunk: Uint8Array = nothing;
  #at = 0;
  #paused = false;
  #ended = false;
  #stopped = false;

  constructor(
    private readonly lower: ByteStream,
    private readonly shape: FrameShape,
  ) {
    lower.onData = (chunk) => this.#push(chunk);
    lower.onEnd = () => {
      this.#ended = true;
      this.#finish();
    };
  }

  pause(): void {
    if (this.#paused || this.#stopped) return;
    this.#paused = true;
    this.lower.pause();
  }

  resume(): void {
    if (!this.#paused || this.#stopped) return;
    this.#paused = false;
    // No callback from within a method: what is left over waits for its turn.
    queueMicrotask(() => {
      if (this.#paused || this.#stopped) return;
      const rest = this.#rest;
      this.#rest = nothing;
      this.#push(rest);
      if (this.#paused || this.#stopped) return;
      this.#finish();
      if (!this.#stopped) this.lower.resume();
    });
  }

  /** Nothing is called from here on. Returns a copy of what was read and not handed on. */
  stop(): Uint8Array {
    this.#stopped = true;
    const parts = [this.#held.subarray(0, this.#heldLength), this.#rest, this.#chunk.subarray(this.#at)];
    this.#forget();
    return Buffer.concat(parts);
  }

  #forget(): void {
    this.#held = this.#rest = this.#chunk = nothing;
    this.#heldLength = this.#at = 0;
  }

  #break(): void {
    this.#stopped = true;
    this.#forget();
    this.onBroken();
  }

  #finish() {
    if (!this.#ended || this.#paused || this.#stopped || this.#rest.byteLength > 0) return;
    if (this.#heldLength > 0) return this.#break();
    this.#stopped = true;
    this.onEnd();
  }

  /** Length of the frame that begins at `at`; 0 when its header is not whole, negative when it is none. */
  #frameLength(bytes: Uint8Array, at: number, length: number): number {
    const { headerBytes, maxBodyBytes } = this.shape;
    if (length < headerBytes) return 0;
    const body = this.shape.bodyLength(bytes, at);
    return body < 0 || body > maxBodyBytes ? -1 : headerBytes + body;
  }

  #push(chunk: Uint8Array) {
    if (this.#stopped) return;
    if (this.#rest.byteLength > 0 || this.#paused) return this.#keepRest(chunk);
    this.#chunk = chunk;
    this.#at = 0;
    if (this.#heldLength > 0) this.#complete();
    while (this.#at < this.#chunk.byteLength && !this.#paused) this.#takeOne();
    if (this.#at < this.#chunk.byteLength) this.#keepRest(this.#chunk.subarray(this.#at));
    this.#chunk = nothing;
    this.#at = 0;
  }

  #takeOne() {
    const { byteLength } = this.#chunk;
    const start = this.#at;
    const length = this.#frameLength(this.#chunk, start, byteLength - start);
    if (length < 0) return this.#break();
    this.#at = byteLength;
    if (length === 0 || length > byteLength - start) return this.#hold(this.#chunk, start, byteLength, length);
    this.#at = start + length;
    this.onFrame(this.#chunk, start, start + length);
  }

  /** Fills up the frame that was begun: its header first, and then as much as that asks for. */
  #complete() {
    const chunk = this.#chunk;
    for (;;) {
      const length = this.#frameLength(this.#held, 0, this.#heldLength);
      if (length < 0) return this.#break();
      if (length > 0 && this.#heldLength === length) break;
      if (this.#at === chunk.byteLength) return;
      const missing = (length || this.shape.headerBytes) - this.#heldLength;
      const end = Math.min(chunk.byteLength, this.#at + missing);
      this.#hold(chunk, this.#at, end, length);
      this.#at = end;
    }
    const [frame, length] = [this.#held, this.#heldLength];
    this.#held = nothing;
    this.#heldLength = 0;
    this.onFrame(frame, 0, length);
    if (frame.byteLength > smallBytes) giveBlock(frame);
  }

  #hold(chunk: Uint8Array, start: number, end: number, frameLength: number): void {
    const length = this.#heldLength + end - start;
    const capacity = Math.max(frameLength, length, this.shape.headerBytes);
    if (this.#held.byteLength < capacity) {
      const grown = memoryFor(capacity);
      grown.set(this.#held.subarray(0, this.#heldLength));
      this.#held = grown;
    }
    this.#held.set(chunk.subarray(start, end), this.#heldLength);
    this.#heldLength = length;
  }

  #keepRest(more: Uint8Array): void {
    this.#rest = Buffer.concat([this.#rest, more]);
  }
}
