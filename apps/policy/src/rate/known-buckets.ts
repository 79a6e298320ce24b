import { type Bucket, sharedBucket } from './bucket.js';

interface Known {
  readonly tenantId: string;
  /** When the bucket is full again and need not be remembered; milliseconds of `performance.now()`. */
  fullAtMs: number;
  /** No token before this moment: a refusal until then needs no question. */
  emptyUntilMs: number;
}

export interface KnownBucketsOptions {
  /** Buckets remembered of one tenant, and of all. */
  readonly perTenant: number;
  readonly total: number;
}

/** Until the answer is there nothing is known of a bucket but that it was asked for. */
const untilAnsweredMs = 60_000;
const sweepEveryMs = 1_000;

/**
 * The buckets in use. Whoever names subjects can invent them without end, so there is room for a bounded number of counts in
 * each tenant; those that come later share counts. One tenant's flood takes no room of another's.
 */
export class KnownBuckets {
  readonly #options: KnownBucketsOptions;
  readonly #byKey = new Map<string, Known>();
  readonly #countByTenant = new Map<string, number>();
  #sweptAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: KnownBucketsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** The bucket itself, or the one it shares. */
  admit(bucket: Bucket, nowMs: number): Bucket {
    if (this.#byKey.has(bucket.key)) return bucket;
    if (!this.#hasRoom(bucket.tenantId)) this.#sweep(nowMs);
    const admitted = this.#hasRoom(bucket.tenantId) ? bucket : sharedBucket(bucket);
    if (!this.#byKey.has(admitted.key)) this.#add(admitted, nowMs);
    return admitted;
  }

  /** Milliseconds until the next token, as far as it is known; 0 when there may be one now. */
  emptyForMs(key: string, nowMs: number): number {
    const known = this.#byKey.get(key);
    return known ? Math.max(0, known.emptyUntilMs - nowMs) : 0;
  }

  learn(key: string, { fullAtMs, emptyUntilMs }: Pick<Known, 'fullAtMs' | 'emptyUntilMs'>): void {
    const known = this.#byKey.get(key);
    if (!known) return;
    known.fullAtMs = fullAtMs;
    known.emptyUntilMs = emptyUntilMs;
  }

  mayHaveTokens(key: string): void {
    const known = this.#byKey.get(key);
    if (known) known.emptyUntilMs = 0;
  }

  #hasRoom(tenantId: string): boolean {
    const { perTenant, total } = this.#options;
    return this.#byKey.size < total && (this.#countByTenant.get(tenantId) ?? 0) < perTenant;
  }

  #add({ key, tenantId }: Bucket, nowMs: number): void {
    this.#byKey.set(key, { tenantId, fullAtMs: nowMs + untilAnsweredMs, emptyUntilMs: 0 });
    this.#countByTenant.set(tenantId, (this.#countByTenant.get(tenantId) ?? 0) + 1);
  }

  #sweep(nowMs: number): void {
    if (nowMs - this.#sweptAtMs < sweepEveryMs) return;
    this.#sweptAtMs = nowMs;
    for (const [key, { tenantId, fullAtMs }] of this.#byKey) {
      if (fullAtMs > nowMs) continue;
      this.#byKey.delete(key);
      const left = (this.#countByTenant.get(tenantId) ?? 1) - 1;
      if (left > 0) this.#countByTenant.set(tenantId, left);
      else this.#countByTenant.delete(tenantId);
    }
  }
}
