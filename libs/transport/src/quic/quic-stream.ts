import type { ByteStream, StreamEnd } from '../byte-stream.js';
import { ChunkQueue } from '../chunk-queue.js';
import type { QuicCarrier } from './quic-carrier.js';

/** Over this, `write` says no; under a quarter of it, `onDrain`. */
const highWater = 65_536;
const ignore = () => {};

/** One stream of a `QuicCarrier`. What came and is not wanted yet stays with quiche, and with it the peer's window. */
export class QuicStream implements ByteStream {
  onEnd: () => void = ignore;
  onReset: (end: StreamEnd) => void = ignore;
  onDrain: () => void = ignore;
  #onData: ((chunk: Uint8Array) => void) | undefined;

  isQueued = false;
  /** All that came was read, and the end after it seen, but not yet told. */
  endSeen = false;
  readonly outgoing = new ChunkQueue();
  #ending = false;
  #endSent = false;
  #wantsDrain = false;
  #paused = false;
  #readEnded = false;
  #over = false;

  constructor(
    private readonly carrier: QuicCarrier,
    readonly id: number,
  ) {}

  get onData(): (chunk: Uint8Array) => void {
    return this.#onData ?? ignore;
  }

  set onData(callback: (chunk: Uint8Array) => void) {
    this.#onData = callback;
    if (!this.#over) this.carrier.readSoon(this);
  }

  get wantsData(): boolean {
    return this.#onData !== undefined && !this.#paused && !this.#over && !this.#readEnded;
  }

  /** Only what we write is left: a peer that wants none of it can say so by no reset. */
  get isHalfClosed(): boolean {
    return this.#readEnded && !this.#over;
  }

  write(chunk: Uint8Array): boolean {
    if (this.#over || this.#ending) return true;
    const sent = this.outgoing.length === 0 ? this.carrier.sendNow(this, chunk) : 0;
    if (sent < chunk.length) {
      this.outgoing.push(sent === 0 ? chunk : chunk.subarray(sent));
      this.carrier.queue(this);
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
    this.close();
    this.carrier.reset(this, end);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (!this.#over) this.carrier.readSoon(this);
  }

  /** After bytes went out of the queue; never from within a method that the application called. */
  wentOut(): void {
    this.sendEnd();
    if (!this.#wantsDrain || this.outgoing.length > highWater / 4) return;
    this.#wantsDrain = false;
    this.onDrain();
  }

  sendEnd(): void {
    if (!this.#ending || this.#endSent || this.#over || this.outgoing.length > 0) return;
    this.#endSent = this.carrier.sendFin(this);
    if (!this.#endSent) this.carrier.queue(this);
    else if (this.#readEnded) this.close();
  }

  receiveEnd(): void {
    if (this.#readEnded || this.#over) return;
    this.#readEnded = true;
    if (this.#endSent) this.close();
    this.onEnd();
  }

  receiveReset(end: StreamEnd): void {
    if (this.#over) return;
    this.close();
    this.onReset(end);
  }

  close(): void {
    this.#over = true;
    this.outgoing.clear();
    this.carrier.forget(this);
  }
}
