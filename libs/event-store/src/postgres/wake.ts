import pg from 'pg';
import { pause } from './exclusive.js';
import { openSession, type Session } from './session.js';

export interface WakeOptions {
  readonly url: string;
  readonly password?: string;
  readonly channels: readonly string[];
  readonly onError?: (error: Error) => void;
}

type Listener = (channel: string, payload: string) => void;

/**
 * One LISTEN connection for all readers of a process. A wake-up is a hint: readers still look by themselves now and
 * then, so a lost notification (or a lost connection) costs time, never an event.
 */
export class Wake {
  readonly #options: WakeOptions;
  readonly #stopped = new AbortController();
  readonly #listeners = new Set<Listener>();
  readonly #onReconnect = new Set<() => void>();
  #session: Session | undefined;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: WakeOptions) {
    this.#options = options;
  }

  start(): this {
    this.#loop = this.#run();
    return this;
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#session?.close();
    await this.#loop;
  }

  /** Calls back on every notification; answers the function that ends it. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Calls back whenever notifications may have been missed, the first connection included. */
  onReconnect(callback: () => void): () => void {
    this.#onReconnect.add(callback);
    return () => void this.#onReconnect.delete(callback);
  }

  async #run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      try {
        await this.#connectOnce();
      } catch (error) {
        if (!this.#stopped.signal.aborted) this.#options.onError?.(error as Error);
      }
      if (!this.#stopped.signal.aborted) await pause(250, this.#stopped.signal);
    }
  }

  async #connectOnce(): Promise<void> {
    const { url, password, channels } = this.#options;
    const login = { url, applicationName: 'wake', queryTimeoutMs: 10_000, ...(password !== undefined && { password }) };
    const session = await openSession(login, this.#stopped.signal);
    this.#session = session;
    session.client.on('notification', ({ channel, payload = '' }) => {
      for (const listener of this.#listeners) listener(channel, payload);
    });
    try {
      for (const channel of channels) await session.client.query(`listen ${pg.escapeIdentifier(channel)}`);
      for (const callback of this.#onReconnect) callback();
      await ended(AbortSignal.any([session.lost, this.#stopped.signal]));
    } finally {
      await session.close();
    }
  }
}

const ended = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
