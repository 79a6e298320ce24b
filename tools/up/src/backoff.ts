const FIRST_MS = 500;
const MOST_MS = 30_000;
/** Having run this long counts as recovered. */
const STEADY_MS = 60_000;

/** The pause before the next start of something that ended: 0.5 s, doubled up to 30 s, back to 0.5 s after a steady minute. */
export class Backoff {
  #nextMs = FIRST_MS;

  after(ranMs: number): number {
    if (ranMs >= STEADY_MS) this.#nextMs = FIRST_MS;
    const pauseMs = this.#nextMs;
    this.#nextMs = Math.min(MOST_MS, pauseMs * 2);
    return pauseMs;
  }
}
