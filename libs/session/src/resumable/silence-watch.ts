/** Notices a peer that says nothing: it is asked, and after as long again given up. */
export class SilenceWatch {
  /** By a clock that only goes forward. */
  #heardAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    /** Undefined: it may be silent. */
    private readonly silenceMs: number | undefined,
    private readonly on: { ask(): void; giveUp(): void },
  ) {}

  heard(): void {
    this.#heardAt = performance.now();
  }

  /** From now on, over a carrier that there was not before. */
  begin(): void {
    this.end();
    const { silenceMs } = this;
    if (!silenceMs) return;
    this.heard();
    let askedAt: number | undefined;
    this.#timer = setInterval(() => {
      const now = performance.now();
      if (now - this.#heardAt < silenceMs) askedAt = undefined;
      else if (askedAt === undefined) {
        askedAt = now;
        this.on.ask();
      } else if (now - askedAt >= silenceMs) this.on.giveUp();
    }, silenceMs / 2).unref();
  }

  end(): void {
    clearInterval(this.#timer);
  }
}
