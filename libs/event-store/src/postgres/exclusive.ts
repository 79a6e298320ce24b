import type pg from 'pg';
import { openSession, type Session } from './session.js';

export interface ExclusiveOptions {
  readonly url: string;
  readonly password?: string;
  /** What is held: one holder at a time in the whole database, whatever the process. */
  readonly name: string;
  readonly onError?: (error: Error) => void;
  /** Pause between two tries for the lock, and before taking it again after a failure. */
  readonly retryMs?: number;
  /** Longest wait for one answer on the held session: a server that is gone without a word must not hold us for ever. */
  readonly queryTimeoutMs?: number;
}

export interface Held {
  /** The session that holds the lock. */
  readonly client: pg.Client;
  /** Fires when that session is gone, or `stop` was called. */
  readonly signal: AbortSignal;
}

const defaultRetryMs = 250;

/**
 * Runs `work` while this process holds a PostgreSQL advisory lock, and again after every loss, until stopped.
 * The lock lives in the session of `held.client`: work that writes through it is fenced, because a session that
 * lost the lock can't commit any more. Takeover follows the end of the holder's session within `retryMs`.
 *
 * @example new Exclusive({ url, name: 'outbox:policy' }).start(async ({ client, signal }) => relay(client, signal));
 */
export class Exclusive {
  readonly #options: ExclusiveOptions;
  readonly #stopped = new AbortController();
  #session: Session | undefined;
  #loop: Promise<void> = Promise.resolve();
  #holding = false;

  constructor(options: ExclusiveOptions) {
    this.#options = options;
  }

  get holding(): boolean {
    return this.#holding;
  }

  start(work: (held: Held) => Promise<void>): this {
    this.#loop = this.#run(work);
    return this;
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#session?.close();
    await this.#loop;
  }

  async #run(work: (held: Held) => Promise<void>): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      try {
        await this.#holdOnce(work);
      } catch (error) {
        if (!this.#stopped.signal.aborted) this.#options.onError?.(error as Error);
      }
      if (!this.#stopped.signal.aborted) await pause(this.#options.retryMs ?? defaultRetryMs, this.#stopped.signal);
    }
  }

  // Asked again and again, not waited for inside one statement: a statement that waits for days keeps its snapshot, and
  // with it every dead row version of the database (the outbox makes one a batch) from being cleaned away.
  async #takeLock(client: pg.Client, signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      const { rows } = await client.query<{ taken: boolean }>({
        name: 'take-lock',
        text: 'select pg_try_advisory_lock(hashtextextended($1, 0)) as taken',
        values: [this.#options.name],
      });
      if (rows[0]?.taken) return true;
      await pause(this.#options.retryMs ?? defaultRetryMs, signal);
    }
    return false;
  }

  async #holdOnce(work: (held: Held) => Promise<void>): Promise<void> {
    const { url, password, name, queryTimeoutMs = 30_000 } = this.#options;
    const login = { url, applicationName: name, queryTimeoutMs, ...(password !== undefined && { password }) };
    const session = await openSession(login, this.#stopped.signal);
    this.#session = session;
    try {
      // A half-open connection (host gone, no FIN) must give the lock up: the server drops it after 15 s of silence.
      await session.client.query(`set statement_timeout = 0; set tcp_keepalives_idle = 5;
        set tcp_keepalives_interval = 5; set tcp_keepalives_count = 2; set idle_in_transaction_session_timeout = '10s'`);
      const signal = AbortSignal.any([session.lost, this.#stopped.signal]);
      if (!(await this.#takeLock(session.client, signal))) return;
      this.#holding = true;
      await work({ client: session.client, signal });
    } finally {
      this.#holding = false;
      await session.close();
    }
  }
}

/** Resolves after `ms`, or at once when the signal fires. */
export const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
  });
