import type { ByteStream, StreamEnd } from '../byte-stream.js';
import { ChunkQueue } from '../chunk-queue.js';
import { ProtocolError } from './frames.js';
import type { Mux } from './mux.js';
import { keptCredit } from './windows.js';

/** Over this, `write` says no; under a quarter of it, `onDrain`. */
const highWater = 65_536;

const ignore = () => {};

/** One stream of a `Mux`: what is queued to go out, and what came and was not yet taken. */
export class MuxStream implements ByteStream {
  onEnd: () => void = ignore;
  onReset: (end: StreamEnd) => void = ignore;
  onDrain: () => void = ignore;
  #onData: ((chunk: Uint8Array) => void) | undefined;

  /** Bytes that the peer allows us. */
  credit: number;
  /** Waits in one of the mux's lines. */
  isQueued = false;
  readonly outgoing = new ChunkQueue();
  #ending = false;
  #endSent = false;
  #wantsDrain = false;
  /** Of the connection, since something was written. */
  #silentBeats = 0;

  readonly #incoming = new ChunkQueue();
  /** Bytes that we allowed and that did not yet come. */
  #allowed: number;
  /** What we would like to allow at once; `#consumed` of it were taken since we said so last. */
  #window: number;
  #consumed = 0;
  #paused = false;
  #deliveryScheduled = false;
  #ended = false;
  #endTold = false;
  #over = false;

  constructor(
    private readonly mux: Mux,
    readonly id: number,
    credit: number,
    window: number,
  ) {
    this.credit = credit;
    this.#window = window;
    this.#allowed = window;
  }

  get onData(): (chunk: Uint8Array) => void {
    return this.#onData ?? ignore;
  }

  set onData(callback: (chunk: Uint8Array) => void) {
    this.#onData = callback;
    this.#deliverLater();
  }

  get window(): number {
    return this.#window;
  }

  get isOver(): boolean {
    return this.#over;
  }

  write(chunk: Uint8Array): boolean {
    if (this.#over || this.#ending) return true;
    this.#silentBeats = 0;
    const sent = this.outgoing.length === 0 ? this.mux.sendNow(this, chunk) : 0;
    if (sent < chunk.length) {
      this.outgoing.push(sent === 0 ? chunk : chunk.subarray(sent));
      this.mux.queue(this);
    }
    // Owed until it is told, whatever is written meanwhile.
    this.#wantsDrain ||= this.outgoing.length >= highWater;
    return !this.#wantsDrain;
  }

  end(): void {
    if (this.#over || this.#ending) return;
    this.#ending = true;
    this.sendEnd();
  }

  reset(end: StreamEnd): void {
    if (this.#over) return;
    this.mux.sendReset(this, end);
    this.close();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#deliverLater();
  }

  /** From time to time: what it does not use is lent to others, who would be slow without. */
  beat(): void {
    if (this.outgoing.length > 0) return;
    const unused = this.credit - keptCredit(++this.#silentBeats, this.mux.leastCredit);
    if (unused <= 0) return;
    this.credit -= unused;
    this.mux.sendUnused(this, unused);
  }

  /** After bytes went out of the queue; never from within a method that the application called. */
  wentOut(): void {
    this.sendEnd();
    if (!this.#wantsDrain || this.outgoing.length > highWater / 4) return;
    this.#wantsDrain = false;
    this.onDrain();
  }

  sendEnd(): void {
    if (!this.#ending || this.#endSent || this.outgoing.length > 0) return;
    this.#endSent = true;
    this.mux.sendEnd(this);
    this.#forgetIfDone();
  }

  /** @throws ProtocolError more than we allowed, or after the end */
  take(length: number): void {
    if (this.#ended) throw new ProtocolError('data after the end of a stream');
    if (length > this.#allowed) throw new ProtocolError('data beyond the window of a stream');
    this.#allowed -= length;
  }

  /** @throws ProtocolError for what the peer does not have to give back */
  takeBack(unused: number): void {
    const room = this.mux.spareWindow(this.#window) - unused;
    if (unused === 0 || unused > this.#allowed || room < 0) throw new ProtocolError('more given back than there is');
    // What was taken and not yet allowed again need not be, either.
    const owed = Math.min(this.#consumed, room);
    this.#allowed -= unused;
    this.#consumed -= owed;
    this.#window -= unused + owed;
    this.mux.returnWindow(unused + owed);
  }

  receive(part: Buffer): void {
    if (this.#paused || !this.#onData || this.#incoming.length > 0) {
      this.#incoming.push(part);
      return;
    }
    this.#onData(part);
    this.#grant(part.length);
  }

  receiveEnd(): void {
    if (this.#ended) throw new ProtocolError('a stream ended twice');
    this.#ended = true;
    if (this.#incoming.length === 0 && this.#onData && !this.#paused) this.#tellEnd();
    else this.#deliverLater();
  }

  /** The peer or the connection gave it up. */
  receiveReset(end: StreamEnd): void {
    if (this.#over) return;
    this.close();
    this.onReset(end);
  }

  close(): void {
    this.#over = true;
    this.outgoing.clear();
    this.#incoming.clear();
    this.mux.forget(this);
  }

  #deliverLater(): void {
    if (this.#deliveryScheduled || this.#over) return;
    this.#deliveryScheduled = true;
    process.nextTick(() => {
      this.#deliveryScheduled = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    while (this.#incoming.length > 0) {
      if (this.#paused || this.#over || !this.#onData) return;
      const part = this.#incoming.peek(65_536);
      const { length } = part;
      this.#onData(part);
      if (this.#over) return;
      this.#incoming.skip(length);
      this.#grant(length);
    }
    if (this.#ended && this.#onData && !this.#paused) this.#tellEnd();
  }

  #tellEnd(): void {
    if (this.#endTold || this.#over) return;
    this.#endTold = true;
    this.#forgetIfDone();
    this.onEnd();
  }

  #forgetIfDone(): void {
    if (this.#endSent && this.#endTold) this.close();
  }

  /** Half a window was taken: allow it again, and more if the stream fills its windows and there is room. */
  #grant(length: number): void {
    if (this.#over || this.#ended) return;
    this.#consumed += length;
    if (this.#consumed < this.#window / 2) return;
    const before = this.#window;
    this.#window = this.mux.resizeWindow(before);
    const credit = this.#consumed + this.#window - before;
    this.#consumed = 0;
    if (credit <= 0) return;
    this.#allowed += credit;
    this.mux.sendCredit(this, credit);
  }
}
