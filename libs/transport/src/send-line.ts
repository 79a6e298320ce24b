/** New ones are served before those that have much, but not more than so many in a row. */
const freshInARow = 8;

interface Waiting {
  /** In one of the lines; kept by them. */
  isQueued: boolean;
}

/** Who is next to send. A stream that says a word now and then does not wait behind those that pour. */
export class SendLine<Stream extends Waiting> {
  #fresh: Stream[] = [];
  #busy: Stream[] = [];
  #row = 0;

  get isEmpty(): boolean {
    return this.#fresh.length === 0 && this.#busy.length === 0;
  }

  /** A stream that had nothing to send, or was not allowed to. */
  join(stream: Stream): void {
    if (stream.isQueued) return;
    stream.isQueued = true;
    this.#fresh.push(stream);
  }

  /** One that had its turn and has more. */
  rejoin(stream: Stream): void {
    if (stream.isQueued) return;
    stream.isQueued = true;
    this.#busy.push(stream);
  }

  next(): Stream | undefined {
    const fresh = this.#fresh.length > 0 && (this.#busy.length === 0 || this.#row < freshInARow);
    this.#row = fresh ? this.#row + 1 : 0;
    const stream = (fresh ? this.#fresh : this.#busy).shift();
    if (stream) stream.isQueued = false;
    return stream;
  }
}
