import type { FrameStream, FrameType } from '@gatehouse/session';
import type { StreamEnd } from '@gatehouse/transport';

export interface Frame {
  readonly type: FrameType;
  /** A copy: the receiver's own. */
  readonly payload: Buffer;
}

/** How the other side's half ended. */
export type Ending = { readonly kind: 'end' } | { readonly kind: 'reset'; readonly end: StreamEnd };

/** So much may wait; then the peer is slowed down. */
const highWaterBytes = 1024 * 1024;

/**
 * The frames of a stream one after the other, for handlers that work on one at a time: `for await (const frame of frames)`.
 * Ends with the peer's half; `ending` tells how. Made in the turn in which the stream was got.
 */
export class IncomingFrames implements AsyncIterable<Frame> {
  readonly #stream: FrameStream;
  readonly #waiting: Frame[] = [];
  #bytes = 0;
  #isPaused = false;
  #ending: Ending | undefined;
  #wake: (() => void) | undefined;

  constructor(stream: FrameStream) {
    this.#stream = stream;
    stream.onFrame = (type, payload) => this.#put({ type, payload: Buffer.from(payload) });
    stream.onEnd = () => this.#finish({ kind: 'end' });
    stream.onReset = (end) => this.#finish({ kind: 'reset', end });
  }

  get ending(): Ending | undefined {
    return this.#ending;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Frame, void> {
    for (;;) {
      const frame = this.#waiting.shift();
      if (frame !== undefined) {
        this.#taken(frame);
        yield frame;
      } else if (this.#ending !== undefined) return;
      else await this.#more();
    }
  }

  /** Ends the iteration from this side, too: what waits is dropped. */
  stop(): void {
    this.#waiting.length = 0;
    this.#finish({ kind: 'end' });
  }

  #put(frame: Frame): void {
    if (this.#ending !== undefined) return;
    this.#waiting.push(frame);
    this.#bytes += weight(frame);
    if (this.#bytes > highWaterBytes && !this.#isPaused) {
      this.#isPaused = true;
      this.#stream.pause();
    }
    this.#wake?.();
  }

  #taken(frame: Frame): void {
    this.#bytes -= weight(frame);
    if (this.#isPaused && this.#bytes <= highWaterBytes / 2) {
      this.#isPaused = false;
      this.#stream.resume();
    }
  }

  #finish(ending: Ending): void {
    this.#ending ??= ending;
    this.#wake?.();
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
    });
  }
}

/** Empty frames cost memory, too. */
const weight = ({ payload }: Frame): number => payload.length + 256;
