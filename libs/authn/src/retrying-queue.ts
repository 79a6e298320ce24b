import { pause } from '@gatehouse/event-store';

const retryMs = 250;

/**
 * Work done one at a time and in order, so that an older read never overwrites a newer one, and each until it succeeds:
 * a revocation that was announced must not be forgotten because the database blinked.
 */
export class RetryingQueue {
  readonly #stopped = new AbortController();
  readonly #onError: ((error: Error) => void) | undefined;
  #work: Promise<void> = Promise.resolve();

  constructor(onError?: (error: Error) => void) {
    this.#onError = onError;
  }

  add(work: () => Promise<void>): void {
    this.#work = this.#work.then(() => this.#insist(work));
  }

  /** Ends what is under way and forgets the rest. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#work;
  }

  async #insist(work: () => Promise<void>): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      try {
        return await work();
      } catch (error) {
        this.#onError?.(error as Error);
        await pause(retryMs, this.#stopped.signal);
      }
    }
  }
}
