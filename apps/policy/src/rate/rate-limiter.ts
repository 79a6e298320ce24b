import { isTransient, pause, type Query, StoreOverloaded, StoreUnavailable } from '@gatehouse/event-store';
import { SharedBound } from '@gatehouse/fair-share';
import type { Bucket } from './bucket.js';
import { KnownBuckets } from './known-buckets.js';
import { type Demand, type Grant, removeFullBuckets, takeTokens } from './stored-buckets.js';

export interface RateLimiterOptions {
  /** Connections of the system role. */
  readonly query: Query;
  readonly onError: (error: Error) => void;
  /** Requests that wait for the answer of PostgreSQL, at most. */
  readonly maxWaiting?: number;
  readonly perTenant?: number;
  readonly total?: number;
}

/** The limit that refused. */
export interface RateRefusal {
  readonly id: string;
  readonly limit: number;
  readonly remaining: 0;
  /** Whole seconds until one more request is let in. */
  readonly reset: number;
}

interface Claim {
  readonly place: { readonly group: string; readonly count: number };
  readonly buckets: readonly Bucket[];
  readonly resolve: (refusal: RateRefusal | undefined) => void;
  readonly reject: (error: Error) => void;
}

const defaults = { maxWaiting: 8_192, perTenant: 20_000, total: 200_000 };
const tidyEveryMs = 60_000;

/**
 * Counts permitted requests. All replicas count in one table (docs/adr/0017): what this one wants of every bucket is
 * asked in one statement for everybody who came while the last one ran. A bucket that is known to be empty refuses
 * without asking, so a flood beyond the limit costs the database nothing.
 */
export class RateLimiter {
  readonly #options: Required<RateLimiterOptions>;
  readonly #known: KnownBuckets;
  readonly #stopped = new AbortController();
  /** Tokens that were granted to a request which another limit refused: used or given back by the next statement. */
  #left = new Map<string, Demand>();
  #waiting: Claim[] = [];
  readonly #places: SharedBound;
  #busy = false;

  constructor(options: RateLimiterOptions) {
    this.#options = { ...defaults, ...options };
    this.#known = new KnownBuckets(this.#options);
    this.#places = new SharedBound(this.#options.maxWaiting);
  }

  /** Buckets remembered, for metrics. */
  get size(): number {
    return this.#known.size;
  }

  /**
   * Takes a token of every bucket, or none. Answers the limit that refused, if one did. Calls that are made one after the
   * other without waiting are served in that order.
   *
   * @throws StoreUnavailable, StoreOverloaded: then the request can't be decided
   */
  take(buckets: readonly Bucket[]): Promise<RateRefusal | undefined> {
    const [first] = buckets;
    if (!first) return Promise.resolve(undefined);
    const nowMs = performance.now();
    const admitted = buckets.map((bucket) => this.#known.admit(bucket, nowMs));
    const refusal = this.#refusal(admitted, nowMs);
    if (refusal) return Promise.resolve(refusal);
    // All of a request are its tenant's.
    const place = { group: first.tenantId, count: 1 };
    if (!this.#places.enter(place)) return Promise.reject(new StoreOverloaded(this.#places.size));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ place, buckets: admitted, resolve, reject });
      this.#schedule();
    });
  }

  /** Removes rows that mean nothing any more, now and then. */
  start(): void {
    void this.#tidy(this.#stopped.signal);
  }

  stop(): void {
    this.#stopped.abort();
  }

  async #tidy(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // Replicas start together and should not clean together.
      await pause(tidyEveryMs * (0.5 + Math.random()), signal);
      if (!signal.aborted) await removeFullBuckets(this.#options.query).catch(this.#options.onError);
    }
  }

  /** What is known to be empty refuses; the limit that takes longest is named. */
  #refusal(buckets: readonly Bucket[], nowMs: number): RateRefusal | undefined {
    let refusal: RateRefusal | undefined;
    let longestMs = 0;
    for (const { key, id, limit } of buckets) {
      const forMs = this.#known.emptyForMs(key, nowMs);
      if (forMs <= longestMs) continue;
      longestMs = forMs;
      refusal = { id, limit, remaining: 0, reset: Math.ceil(forMs / 1_000) };
    }
    return refusal;
  }

  #schedule(): void {
    if (this.#busy) return;
    this.#busy = true;
    setImmediate(() => void this.#serve());
  }

  async #serve(): Promise<void> {
    while (this.#waiting.length > 0 || this.#left.size > 0) {
      const claims = this.#waiting.splice(0);
      for (const { place } of claims) this.#places.leave(place);
      const left = this.#left;
      this.#left = new Map();
      try {
        this.#settle(claims, await this.#ask(claims, left));
      } catch (error) {
        // The tokens may be taken: they come back with time, and nobody was let in for them.
        const reason = isTransient(error)
          ? new StoreUnavailable('requests could not be counted', { cause: error })
          : (error as Error);
        for (const { reject } of claims) reject(reason);
      }
    }
    this.#busy = false;
  }

  /** What there is now of every bucket that is wanted: tokens left over, and tokens granted. */
  async #ask(claims: readonly Claim[], left: ReadonlyMap<string, Demand>): Promise<Map<string, Demand>> {
    const wanted = new Map<string, Demand>();
    const want = (bucket: Bucket, tokens: number) =>
      wanted.set(bucket.key, { bucket, wanted: (wanted.get(bucket.key)?.wanted ?? 0) + tokens });
    for (const { buckets } of claims) for (const bucket of buckets) want(bucket, 1);
    for (const { bucket, wanted: tokens } of left.values()) want(bucket, -tokens);
    const demands = [...wanted.values()].filter((demand) => demand.wanted !== 0);
    const askedAtMs = performance.now();
    const grants = demands.length > 0 ? await takeTokens(this.#options.query, demands) : new Map<string, Grant>();
    const there = new Map<string, Demand>();
    for (const { bucket } of wanted.values()) {
      const grant = grants.get(bucket.key);
      if (grant) this.#learn(bucket, grant, askedAtMs);
      const tokens = (left.get(bucket.key)?.wanted ?? 0) + (grant?.granted ?? 0);
      there.set(bucket.key, { bucket, wanted: tokens });
    }
    return there;
  }

  /** By our own clock, counted from the question: never longer than the server means. */
  #learn({ key, intervalUs, burst }: Bucket, { atUs, fullUs }: Grant, askedAtMs: number): void {
    const nextUs = fullUs + intervalUs - burst * intervalUs;
    this.#known.learn(key, {
      fullAtMs: askedAtMs + (fullUs - atUs) / 1_000,
      emptyUntilMs: askedAtMs + (nextUs - atUs) / 1_000,
    });
  }

  #settle(claims: readonly Claim[], there: Map<string, Demand>): void {
    const tokens = (bucket: Bucket): number => there.get(bucket.key)?.wanted ?? 0;
    const nowMs = performance.now();
    for (const { buckets, resolve } of claims) {
      const short = buckets.filter((bucket) => tokens(bucket) < 1);
      if (short.length > 0) resolve(this.#refusal(short, nowMs) ?? refusedOnce(short));
      else {
        for (const bucket of buckets) there.set(bucket.key, { bucket, wanted: tokens(bucket) - 1 });
        resolve(undefined);
      }
    }
    for (const [key, rest] of there) {
      if (rest.wanted === 0) continue;
      this.#left.set(key, rest);
      this.#known.mayHaveTokens(key);
    }
  }
}

/** The next token came while the answer travelled. */
function refusedOnce([bucket]: readonly Bucket[]): RateRefusal {
  const { id = '', limit = 0 } = bucket ?? {};
  return { id, limit, remaining: 0, reset: 1 };
}
