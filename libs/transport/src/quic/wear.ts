/** So long may the peer's word that there are places again be on its way. */
const patienceMs = 3_000;
/** So that what quiche keeps of them is bounded. */
const mostGivenUp = 16_384;

interface WearOptions {
  /** Streams of ours that the peer takes at once. */
  readonly allowed: () => number;
  /** Of these, those that are open and those that may still be opened. */
  readonly known: () => number;
  /** The connection should be given up for a new one. Once. */
  readonly onWorn: () => void;
}

/**
 * Of a stream that is given up with bytes on their way, quiche 0.18 often keeps what it knows for ever, and with it the stream's place
 * among those that the peer may have open (mended in its pull requests 1631 and 1779, and since): a connection that lives for weeks would take no
 * stream any more. So one that has lost most of its places is given up while there are some left; what goes over it goes on over another.
 */
export class Wear {
  #givenUp = 0;
  #timer: NodeJS.Timeout | undefined;
  #isTold = false;

  constructor(private readonly options: WearOptions) {}

  /** A stream was opened. */
  look(): void {
    if (this.#timer !== undefined || this.#isTold || !this.#isShort) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#isShort) this.#tell();
    }, patienceMs).unref();
  }

  /** A stream was given up before it was over. */
  count(): void {
    if (++this.#givenUp === mostGivenUp) this.#tell();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #tell(): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.options.onWorn();
  }

  /** Whoever lost nothing has been told of new places before half of them were used up. */
  get #isShort(): boolean {
    const { allowed, known } = this.options;
    return known() <= allowed() / 4;
  }
}
