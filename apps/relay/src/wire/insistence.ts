import { pause } from '@gatehouse/event-store';

export interface InsistenceOptions {
  readonly atOnce: number;
  /** What waits, at most; more is given up and counted. */
  readonly maxWaiting: number;
  readonly retryMs?: number;
  readonly onError: (error: Error) => void;
}

type Work = () => Promise<unknown>;

/** Work that must be done although PostgreSQL may be away for a while: each is repeated until it succeeds. */
export class Insistence {
  readonly #options: InsistenceOptions;
  readonly #waiting: Work[] = [];
  readonly #stopped = new AbortController();
  #running = 0;
  #onIdle: (() => void)[] = [];
  /** Given up for want of room. */
  dropped = 0;

  constructor(options: InsistenceOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#waiting.length + this.#running;
  }

  add(work: Work): void {
    if (this.#waiting.length >= this.#options.maxWaiting) this.dropped++;
    else {
      this.#waiting.push(work);
      this.#next();
    }
  }

  /** Until nothing waits, at most so long; then whatever waits is left to whoever looks for it later. */
  async finish(timeoutMs: number): Promise<void> {
    const timer = setTimeout(() => this.#stopped.abort(), timeoutMs);
    while (this.waiting > 0 && !this.#stopped.signal.aborted)
      await new Promise<void>((resolve) => {
        this.#onIdle.push(resolve);
        this.#stopped.signal.addEventListener('abort', () => resolve(), { once: true });
      });
    clearTimeout(timer);
    this.#stopped.abort();
  }

  #next(): void {
    while (this.#running < this.#options.atOnce) {
      const work = this.#waiting.shift();
      if (!work) return;
      this.#running++;
      void this.#insist(work).finally(() => {
        this.#running--;
        this.#next();
        if (this.waiting === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
      });
    }
  }

  async #insist(work: Work): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      try {
        await work();
        return;
      } catch (error) {
        this.#options.onError(error as Error);
        await pause(this.#options.retryMs ?? 500, this.#stopped.signal);
      }
    }
  }
}
