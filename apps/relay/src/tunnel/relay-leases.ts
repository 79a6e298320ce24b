import { randomUUID } from 'node:crypto';
import { pause, type Query } from '@gatehouse/event-store';

export interface RelayLeasesOptions {
  readonly query: Query;
  readonly relayId: string;
  readonly leaseMs: number;
  /** Once, when the lease is ours: what stands there in our name is an earlier process's. */
  readonly onBegun: () => Promise<void>;
  /** Once, when another process took over our name. */
  readonly onTakenOver: () => void;
  readonly onError: (error: Error) => void;
}

/**
 * Says every few seconds that this relay runs. One that stops saying so is dead for the others, who end what it left
 * behind. A process that takes over a relay's name takes over its lease with it.
 */
export class RelayLeases {
  readonly #options: RelayLeasesOptions;
  readonly #instance = randomUUID();
  readonly #stopped = new AbortController();
  #loop: Promise<void> = Promise.resolve();
  /** When PostgreSQL confirmed it last, by a clock that only goes forward; 0: never. */
  renewedAtMs = 0;
  /** Since when it has been renewed without a gap. */
  #unbrokenSinceMs = Number.POSITIVE_INFINITY;

  constructor(options: RelayLeasesOptions) {
    this.#options = options;
  }

  /**
   * Whether a silence of others is theirs. After PostgreSQL was away no relay has been heard of for a while: the first that
   * is back must not end what the others still hold. Nor must one whose question hung with PostgreSQL and is answered now:
   * what it said last is as old as what they did.
   */
  get isUnbroken(): boolean {
    const nowMs = performance.now();
    const { leaseMs } = this.#options;
    return nowMs - this.renewedAtMs < leaseMs && nowMs - this.#unbrokenSinceMs > leaseMs;
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** Gives the lease up: what is left counts as a dead relay's from now on. */
  async end(): Promise<void> {
    this.#stopped.abort();
    await this.#loop;
    const { query, relayId, leaseMs, onError } = this.#options;
    const text = `update relays set seen_at = now() - $3 * interval '1 millisecond' where relay_id = $1 and instance = $2`;
    await query.query(text, [relayId, this.#instance, leaseMs]).catch(onError);
  }

  async #run(): Promise<void> {
    const { leaseMs, onError } = this.#options;
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      const asked = performance.now();
      try {
        if (!(await this.#renew())) return this.#options.onTakenOver();
        if (this.renewedAtMs === 0) await this.#options.onBegun();
        if (asked - this.renewedAtMs > leaseMs || this.#unbrokenSinceMs === Number.POSITIVE_INFINITY)
          this.#unbrokenSinceMs = performance.now();
        this.renewedAtMs = asked;
      } catch (error) {
        this.#unbrokenSinceMs = Number.POSITIVE_INFINITY;
        onError(error as Error);
      }
      await pause(leaseMs / 5, signal);
    }
  }

  async #renew(): Promise<boolean> {
    const { query, relayId } = this.#options;
    if (this.renewedAtMs === 0) {
      await query.query(
        `insert into relays (relay_id, instance, seen_at) values ($1, $2, now())
         on conflict (relay_id) do update set instance = excluded.instance, seen_at = excluded.seen_at`,
        [relayId, this.#instance],
      );
      return true;
    }
    const text = 'update relays set seen_at = now() where relay_id = $1 and instance = $2';
    const { rowCount } = await query.query(text, [relayId, this.#instance]);
    return rowCount === 1;
  }
}

/** Relays whose lease ran out. @param leaseMs how long a silence may be */
export async function deadRelays(query: Query, leaseMs: number): Promise<readonly string[]> {
  const { rows } = await query.query<{ relay_id: string }>(
    `select relay_id from relays where seen_at < now() - $1 * interval '1 millisecond'`,
    [leaseMs],
  );
  return rows.map((row) => row.relay_id);
}
