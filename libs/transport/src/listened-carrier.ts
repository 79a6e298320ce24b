import type { ByteStream, StreamEnd } from './byte-stream.js';

/**
 * What a carrier tells whoever uses it. He may come late: the streams that arrived before, and the end, are told then, in a turn of
 * their own.
 */
export abstract class ListenedCarrier<Stream extends ByteStream> {
  onWorn: (() => void) | undefined;
  #onStream: ((stream: ByteStream) => void) | undefined;
  #onClose: ((end: StreamEnd) => void) | undefined;
  #unclaimed: Stream[] = [];
  #end: StreamEnd | undefined;
  #told = false;

  get onStream(): (stream: ByteStream) => void {
    return this.#onStream ?? (() => {});
  }

  set onStream(callback: (stream: ByteStream) => void) {
    this.#onStream = callback;
    if (this.#unclaimed.length > 0) process.nextTick(() => this.#offer());
  }

  get onClose(): (end: StreamEnd) => void {
    return this.#onClose ?? (() => {});
  }

  set onClose(callback: (end: StreamEnd) => void) {
    this.#onClose = callback;
    if (this.#end) process.nextTick(() => this.#tellClose());
  }

  /** Whether a stream that waited for somebody is still worth having. */
  protected abstract isThere(stream: Stream): boolean;

  protected tellStream(stream: Stream): void {
    if (this.#onStream && this.#unclaimed.length === 0) this.#onStream(stream);
    else this.#unclaimed.push(stream);
  }

  /** Streams that nobody has claimed are told to nobody any more. */
  protected tellEnd(end: StreamEnd): void {
    this.#unclaimed = [];
    this.#end = end;
    this.#tellClose();
  }

  #offer(): void {
    for (const stream of this.#unclaimed.splice(0)) if (this.isThere(stream)) this.#onStream?.(stream);
  }

  #tellClose(): void {
    if (!this.#end || !this.#onClose || this.#told) return;
    this.#told = true;
    this.#onClose(this.#end);
  }
}
