import { setTimeout as after } from 'node:timers';
import type { Wake } from '@gatehouse/event-store';
import type pg from 'pg';
import { keyChannel } from './key-log.js';
import type { Keyring } from './keyring.js';
import type { RootKeys } from './root-keys.js';
import type { Seal } from './seal.js';

export interface KeyFollowerOptions {
  readonly pool: pg.Pool;
  readonly wake: Wake;
  readonly seal: Seal;
  readonly roots: RootKeys;
  readonly keyring: Keyring;
  /** Called once for each new reason. */
  readonly onProblem: (error: Error) => void;
}

/** How long a change may go unnoticed where its notification was lost. */
const pollMs = 2_000;
const firstRetryMs = 250;
const longestRetryMs = 30_000;

/**
 * Keeps the keys in memory as the tables say: opens them at the start, drops them when somebody sealed the vault or a tenant
 * or ended a rotation anywhere. Whatever is away (PostgreSQL, KMS, the file of the seal) is tried again, for ever.
 */
export class KeyFollower {
  readonly #options: KeyFollowerOptions;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #failures = 0;
  #generation: string | undefined;
  #problem: Error | undefined;
  #stopped = false;
  readonly #unlisten: (() => void)[] = [];

  constructor(options: KeyFollowerOptions) {
    this.#options = options;
  }

  /** Why the vault is sealed, or does not follow; for logs and the operator. */
  get problem(): string | undefined {
    return this.#problem?.message;
  }

  start(): void {
    const { wake } = this.#options;
    const now = () => void this.followNow().catch(() => undefined);
    this.#unlisten.push(
      wake.listen((channel) => channel === keyChannel && now()),
      wake.onReconnect(now),
    );
    now();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    for (const unlisten of this.#unlisten) unlisten();
    await this.#running.catch(() => undefined);
  }

  /** Reads the tables now. One at a time: a later call sees what was committed before it. @throws what went wrong */
  followNow(): Promise<void> {
    const run = this.#running.catch(() => undefined).then(() => this.#once());
    this.#running = run;
    return run;
  }

  /** Does what opens the keys between two looks: none that began before closes them again. Not to be called from within `work`. */
  between<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#running.catch(() => undefined).then(work);
    this.#running = run.then(
      () => undefined,
      () => undefined,
    );
    return run;
  }

  async #once(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    try {
      await this.#follow();
      this.#failures = 0;
      this.#problem = undefined;
    } catch (error) {
      this.#failures++;
      this.#notice(error as Error);
      throw error;
    } finally {
      if (!this.#stopped) this.#timer = after(() => void this.followNow().catch(() => undefined), this.#pause());
    }
  }

  async #follow(): Promise<void> {
    const { pool, seal, roots, keyring } = this.#options;
    const { rows } = await pool.query<{ sealed: boolean; generation: string }>(
      'select sealed, generation::text from seal_state',
    );
    const state = rows[0];
    if (!state || state.sealed) {
      keyring.forget();
      seal.forget();
      this.#generation = undefined;
      return;
    }
    if (!roots.sealed && state.generation === this.#generation) return;
    // What people have to open is no failure while it waits for them.
    if (await roots.waitsForShares()) return;
    if (seal.kind !== 'shamir' && (await roots.rows()).length === 0) await roots.create();
    await roots.refresh();
    // With shares somebody has to ask for them.
    if (roots.underPrevious && seal.kind !== 'shamir') await roots.rewrap(seal.wrap, {});
    keyring.forgetTenants();
    this.#generation = state.generation;
  }

  #pause(): number {
    if (this.#failures === 0) return pollMs;
    const full = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(this.#failures, 10));
    return full * (0.5 + Math.random() / 2);
  }

  #notice(error: Error): void {
    if (error.message !== this.#problem?.message) this.#options.onProblem(error);
    this.#problem = error;
  }
}
