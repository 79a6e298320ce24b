import { ImpossibleClaim } from './incoming.js';
import { SendQueue } from './send-queue.js';

/** This part of the window may wait for the carrier, which keeps it busy: a hundred streams with whole windows unsent would be a long line. */
const unsentParts = 16;

/** The writing side of a stream that outlives its carrier: what was written, sent, and taken by the peer. Pure. */
export class Outgoing {
  readonly #queue = new SendQueue();
  /** Sent over the carrier that we have now. */
  #sent = 0;
  /** Sent over any; the end counts as one byte more. */
  #everSent = 0;
  /** What the peer's callee took. */
  #taken = 0;
  #isEnded = false;
  #isEndSent = false;

  constructor(private readonly window: number) {}

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** The peer took everything and knows that it was all. */
  get isDone(): boolean {
    return this.#isEnded && this.#taken > this.#queue.end;
  }

  get hasRoom(): boolean {
    const { end } = this.#queue;
    return end - this.#taken < this.window && end - this.#sent < this.window / unsentParts;
  }

  /** Enough for the writer to go on for a while. */
  get hasMuchRoom(): boolean {
    const { end } = this.#queue;
    return end - this.#taken <= (this.window / 4) * 3 && end - this.#sent <= this.window / unsentParts / 2;
  }

  write(chunk: Uint8Array): void {
    this.#queue.append(chunk);
  }

  end(): void {
    this.#isEnded = true;
  }

  /**
   * Over another carrier, from what the peer said that it has; over the one before it may have told meanwhile that it took more.
   *
   * @throws ImpossibleClaim for what we never sent
   */
  restart(peerReceived: number): void {
    if (peerReceived > this.#everSent) throw new ImpossibleClaim('received');
    const { base, end } = this.#queue;
    const from = Math.max(peerReceived, this.#taken);
    this.#isEndSent = from > end;
    this.#sent = Math.max(base, Math.min(from, end));
    if (this.#sent > base) this.#queue.release(this.#sent);
  }

  /** What is to be sent next and its offset, at most `length`; not to be changed. Undefined: nothing, or it must wait. */
  next(length: number): { offset: number; bytes: Uint8Array } | undefined {
    const limit = Math.min(this.#queue.end, this.#taken + this.window);
    const offset = this.#sent;
    if (offset >= limit) return undefined;
    const bytes = this.#queue.view(offset, Math.min(length, limit - offset));
    this.#sent += bytes.byteLength;
    if (this.#sent > this.#everSent) this.#everSent = this.#sent;
    return { offset, bytes };
  }

  /** Offset of the end, when it is to be sent now: once per carrier. */
  takeEnd(): number | undefined {
    if (!this.#isEnded || this.#isEndSent || this.#sent < this.#queue.end) return undefined;
    this.#isEndSent = true;
    this.#everSent = this.#queue.end + 1;
    return this.#queue.end;
  }

  /** @throws ImpossibleClaim for less than before, or more than was sent */
  acknowledge(offset: number): void {
    if (offset < this.#taken || offset > this.#everSent) throw new ImpossibleClaim('ack');
    this.#taken = offset;
    const released = Math.min(offset, this.#queue.end);
    if (released > this.#queue.base) this.#queue.release(released);
  }

  forget(): void {
    this.#queue.release(this.#queue.end);
  }
}
