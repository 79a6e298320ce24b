import type { MuxStream } from './mux-stream.js';

/** New ones are served before those that have much, but not more than so many in a row. */
const freshInARow = 8;

/** Who is next to send. A stream that says a word now and then does not wait behind those that pour. */
export class SendLine {
  #fresh: MuxStream[] = [];
  #busy: MuxStream[] = [];
  #row = 0;

  get isEmpty(): boolean {
    return this.#fresh.length === 0 && this.#busy.length === 0;
  }

  /** A stream that had nothing to send, or was not allowed to. */
  join(stream: MuxStream): void {
    if (stream.isQueued) return;
    stream.isQueued = true;
    this.#fresh.push(stream);
  }

  /** One that had its turn and has more. */
  rejoin(stream: MuxStream): void {
    if (stream.isQueued) return;
    stream.isQueued = true;
    this.#busy.push(stream);
  }

  next(): MuxStream | undefined {
    const fresh = this.#fresh.length > 0 && (this.#busy.length === 0 || this.#row < freshInARow);
    this.#row = fresh ? this.#row + 1 : 0;
    const stream = (fresh ? this.#fresh : this.#busy).shift();
    if (stream) stream.isQueued = false;
    return stream;
  }
}
