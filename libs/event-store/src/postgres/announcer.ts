import type pg from 'pg';
import { highRate } from './rows.js';
import { notifyChannel } from './schema.js';

const everyMs = 50;

/**
 * Tells the readers of a log that high-rate events have been committed: at once after a silence, otherwise once in a while.
 * Not in the transactions themselves: a NOTIFY makes all commits of the server take turns, and wakes the connection of every
 * listener there is. It is a hint; who crashes before it costs the readers their own look, a second later.
 */
export class Announcer {
  readonly #pool: pg.Pool;
  readonly #channel: string;
  #resting = false;
  #pending = false;

  constructor(pool: pg.Pool, service: string) {
    this.#pool = pool;
    this.#channel = notifyChannel(service);
  }

  /** Never throws, never waits. To be called after the commit. */
  announce(): void {
    if (this.#resting) {
      this.#pending = true;
      return;
    }
    this.#resting = true;
    this.#pending = false;
    this.#pool
      .query({ name: 'announce', text: `select pg_notify($1, '${highRate}')`, values: [this.#channel] })
      .catch(() => undefined)
      .finally(() => setTimeout(() => this.#rested(), everyMs).unref());
  }

  #rested(): void {
    this.#resting = false;
    if (this.#pending) this.announce();
  }
}
