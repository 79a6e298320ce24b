/** The peer claims what cannot be. */
export class ImpossibleClaim extends Error {
  override readonly name = 'ImpossibleClaim';
}

/** The reading side of a stream that outlives its carrier: what came, what was taken, and where the end is. Pure. */
export class Incoming {
  /** Offset behind the last byte that came in order: kept here or taken. */
  received = 0;
  /** Of these, taken by the callee. */
  consumed = 0;
  /** Where the next byte of the carrier that we read from belongs; behind `received` while it repeats. */
  #expected = 0;
  #endAt: number | undefined;
  #isEndTaken = false;
  #held: Uint8Array[] = [];

  constructor(private readonly window: number) {}

  /** What the peer need not send again: the end counts as one byte more. */
  get mark(): number {
    return this.#endAt === undefined ? this.received : this.#endAt + 1;
  }

  /** What the peer may forget. */
  get consumedMark(): number {
    return this.consumed + (this.#isEndTaken ? 1 : 0);
  }

  get isEndTaken(): boolean {
    return this.#isEndTaken;
  }

  /** Bytes come over another carrier now, from `told` on: what we said that we had. */
  restart(told: number): void {
    if (told > this.mark) throw new ImpossibleClaim('we did not say so');
    this.#expected = Math.min(told, this.received);
  }

  /**
   * The part of `bytes` that is new; undefined if none is.
   *
   * @throws ImpossibleClaim out of order, beyond the window or behind the end
   */
  accept(offset: number, bytes: Uint8Array): Uint8Array | undefined {
    const end = offset + bytes.byteLength;
    const limit = this.#endAt ?? this.consumed + this.window;
    // While bytes repeat, those that the peer knows to be taken by now may be left out.
    if (offset < this.#expected || offset > this.received || end > limit) throw new ImpossibleClaim('data');
    this.#expected = end;
    if (end <= this.received) return undefined;
    const known = this.received - offset;
    this.received = end;
    return known > 0 ? bytes.subarray(known) : bytes;
  }

  /** @throws ImpossibleClaim when it is not where the data ended */
  acceptEnd(offset: number): void {
    if (offset !== this.received) throw new ImpossibleClaim('end');
    this.#endAt = this.#expected = offset;
  }

  get holds(): boolean {
    return this.#held.length > 0;
  }

  /** Nobody takes it at the moment. */
  hold(bytes: Uint8Array): void {
    // `slice` of a Buffer would be the same memory.
    this.#held.push(new Uint8Array(bytes));
  }

  next(): Uint8Array | undefined {
    return this.#held.shift();
  }

  /** Whether all data was taken and the end is there to be told: once. */
  takeEnd(): boolean {
    if (this.#endAt === undefined || this.#isEndTaken || this.consumed < this.#endAt) return false;
    this.#isEndTaken = true;
    return true;
  }

  forget(): void {
    this.#held = [];
  }
}
