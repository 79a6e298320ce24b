import pg from 'pg';

export interface ExclusiveOptions {
  readonly url: string;
  readonly password?: string;
  /** What is held: one holder at a time in the whole database, whatever the process. */
  readonly name: string;
  readonly onError?: (error: Error) => void;
  readonly retryMs?: number;
}

/** Why the role ended: the session that held the lock is gone, or `stop` was called. */
export interface Held {
  readonly client: pg.Client;
  readonly signal: AbortSignal;
}

/**
 * Runs `work` while this process holds a PostgreSQL advisory lock, and again after every loss, until stopped.
 * The lock lives in the session of `held.client`: work that writes through it is fenced, because a session that
 * lost the lock can't commit any more. Waiting costs nothing: takeover happens when the holder's session ends.
 */
export class Exclusive {
  readonly #options: ExclusiveOptions;
  readonly #stopped = new AbortController();
  #current: pg.Client | undefined;
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
    await this.#current?.end().catch(() => undefined);
    await this.#loop;
  }

  async #run(work: (held: Held) => Promise<void>): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      try {
        await this.#holdOnce(work);
      } catch (error) {
        if (!this.#stopped.signal.aborted) this.#options.onError?.(error as Error);
      }
      this.#holding = false;
      if (!this.#stopped.signal.aborted) await pause(this.#options.retryMs ?? 250, this.#stopped.signal);
    }
  }

  async #holdOnce(work: (held: Held) => Promise<void>): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#options.url,
      ...(this.#options.password !== undefined && { password: this.#options.password }),
      application_name: this.#options.name.slice(0, 60),
      connectionTimeoutMillis: 3_000,
      keepAlive: true,
    });
    const lost = new AbortController();
    const lose = () => lost.abort();
    client.on('error', lose).on('end', lose);
    this.#current = client;
    try {
      await client.connect();
      // A half-open connection (host gone, no FIN) must give the lock up: the server drops it after 15 s of silence.
      await client.query(`set statement_timeout = 0; set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 5;
                          set tcp_keepalives_count = 2; set idle_in_transaction_session_timeout = '10s'`);
      await client.query('select pg_advisory_lock(hashtextextended($1, 0))', [this.#options.name]);
      this.#holding = true;
      await work({ client, signal: AbortSignal.any([lost.signal, this.#stopped.signal]) });
    } finally {
      lose();
      await client.end().catch(() => undefined);
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
