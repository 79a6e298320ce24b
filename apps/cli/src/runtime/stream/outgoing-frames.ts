import { type ErrorMessage, type FrameStream, type FrameType, frameTypes, maxFrameBytes } from '@gatehouse/session';
import type { StreamEnd } from '@gatehouse/transport';

/** Sending with regard to the peer's pace. Owns `onDrain` of the stream. */
export class OutgoingFrames {
  readonly #stream: FrameStream;
  #isFull = false;
  #isOver = false;
  readonly #waiting = new Set<() => void>();

  constructor(stream: FrameStream) {
    this.#stream = stream;
    stream.onDrain = () => {
      this.#isFull = false;
      this.#release();
    };
  }

  /** True: more can be sent at once. After `finish` and `reset` nothing is sent, and true. */
  send(type: FrameType, payload: Uint8Array): boolean {
    if (this.#isOver) return true;
    for (let at = 0; at === 0 || at < payload.length; at += maxFrameBytes)
      if (!this.#stream.send(type, payload.subarray(at, at + maxFrameBytes))) this.#isFull = true;
    return !this.#isFull;
  }

  json(type: FrameType, value: unknown): boolean {
    return this.send(type, Buffer.from(JSON.stringify(value)));
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  /** Resolves when more can be sent, or nothing any more. */
  room(): Promise<void> {
    if (!this.#isFull || this.#isOver) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  /** The last frame, and the end of our half. */
  finish(type?: FrameType, value?: unknown): void {
    if (this.#isOver) return;
    if (type !== undefined) this.json(type, value);
    this.#isOver = true;
    this.#stream.end();
    this.#release();
  }

  fail(code: ErrorMessage['code'], detail: string): void {
    this.finish(frameTypes.error, { code, detail: detail.slice(0, 512) } satisfies ErrorMessage);
  }

  reset(end: StreamEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stream.reset(end);
    this.#release();
  }

  /** The peer gave the stream up: nobody is there to send to. */
  abandon(): void {
    this.#isOver = true;
    this.#release();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  #release(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
