import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { defineProblems, ProblemError, unavailable } from '@gatehouse/http';
import type { Jobs } from './check.js';

defineProblems({ policy_too_complex: { status: 400, title: 'Checking the policy takes too long' } });

export interface CheckerOptions {
  readonly timeoutMs?: number;
  /** Jobs that may wait for the one before. */
  readonly maxWaiting?: number;
}

type Result<J extends keyof Jobs> = ReturnType<Jobs[J]>;

/**
 * Reads, checks and tests policies on a thread of its own, one after the other: a text of 1 MiB takes seconds, in which
 * nothing would be decided for anybody.
 */
export class Checker {
  readonly #timeoutMs: number;
  readonly #maxWaiting: number;
  #worker: Worker | undefined;
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor({ timeoutMs = 20_000, maxWaiting = 8 }: CheckerOptions = {}) {
    this.#timeoutMs = timeoutMs;
    this.#maxWaiting = maxWaiting;
  }

  /** @throws ProblemError `policy_too_complex` after too long; `unavailable` when too many wait */
  run<J extends keyof Jobs>(job: J, ...args: Parameters<Jobs[J]>): Promise<Result<J>> {
    if (this.#waiting >= this.#maxWaiting) throw unavailable('Too many policies are being checked', 2);
    this.#waiting++;
    const mine = this.#last
      .then(() => this.#ask(job, args) as Promise<Result<J>>)
      .finally(() => {
        this.#waiting--;
      });
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  async stop(): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = undefined;
  }

  async #ask(job: keyof Jobs, args: readonly unknown[]): Promise<unknown> {
    const worker = this.#worker ?? new Worker(new URL('./check.worker.js', import.meta.url));
    this.#worker = worker;
    worker.unref();
    const given = new AbortController();
    const answered = once(worker, 'message', given);
    worker.postMessage({ job, args });
    const late = setTimeout(() => void worker.terminate(), this.#timeoutMs);
    const ended = once(worker, 'exit', given).then(() => {
      throw new ProblemError('policy_too_complex');
    });
    try {
      const [result] = (await Promise.race([answered, ended])) as [unknown];
      return result;
    } catch (error) {
      this.#worker = undefined;
      await worker.terminate();
      throw error;
    } finally {
      clearTimeout(late);
      given.abort();
      answered.catch(() => undefined);
      ended.catch(() => undefined);
    }
  }
}
