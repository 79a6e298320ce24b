/** So long a client may come back for the end of a stream; its own patience is shorter. */
const keptMs = 10 * 60_000;
const maxKept = 10_000;

/**
 * How streams ended that are over: a client that lost its carrier before it heard is told, and none of them is begun a second time.
 */
export class PastStreams {
  readonly #ends = new Map<string, { code: string; untilMs: number }>();

  add(key: string, code: string, nowMs: number): void {
    this.#ends.set(key, { code, untilMs: nowMs + keptMs });
    for (const [oldest, { untilMs }] of this.#ends) {
      if (untilMs > nowMs && this.#ends.size <= maxKept) return;
      this.#ends.delete(oldest);
    }
  }

  codeOf(key: string): string | undefined {
    return this.#ends.get(key)?.code;
  }
}
