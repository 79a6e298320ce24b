import { isDeepStrictEqual } from 'node:util';
import type { CompiledPolicy, RateLimitRule } from '@gatehouse/evaluator';
import { type Bucket, bucketsOf, sharedBucket } from '../rate/bucket.js';
import type { RecordedDecision } from './recorded-decision.js';

const mostBuckets = 50_000;

/**
 * Rate limits in a replay. A limit that the version of the time had too keeps the outcome that was recorded; a new one, or
 * one with other numbers, is counted over the replayed decisions as if it had been there, in order of time.
 */
export class ReplayedLimits {
  readonly #tenantId: string;
  /** When each bucket is full again, in microseconds. */
  readonly #fullAtUs = new Map<string, number>();
  #nowUs = 0;

  constructor(tenantId: string) {
    this.#tenantId = tenantId;
  }

  /** Whether the limits let in a decision that the candidate permits. */
  admits(recorded: RecordedDecision, limits: readonly RateLimitRule[], then: CompiledPolicy | undefined): boolean {
    if (recorded.asOf !== undefined || recorded.again) return true;
    const unchanged = limits.filter((limit) => hadRule(then, limit));
    const refused = recorded.reason === 'rate_limited' ? recorded.limits : [];
    if (unchanged.some(({ id }) => refused.includes(id))) return false;
    return this.#take(
      recorded,
      limits.filter((limit) => !unchanged.includes(limit)),
    );
  }

  /** A token of every bucket, or none. */
  #take({ request, asker, decidedAtMs }: RecordedDecision, limits: readonly RateLimitRule[]): boolean {
    if (limits.length === 0) return true;
    // Decisions of several replicas are recorded out of order by less than a batch takes: time only goes on.
    this.#nowUs = Math.max(this.#nowUs, decidedAtMs * 1_000);
    const counted = { tenantId: this.#tenantId, subject: request.subject, credential: asker };
    const buckets = bucketsOf(limits, counted).map((bucket) => this.#admit(bucket));
    const next = buckets.map(({ key, intervalUs }) => Math.max(this.#fullAtUs.get(key) ?? 0, this.#nowUs) + intervalUs);
    const isFree = buckets.every(({ burst, intervalUs }, at) => (next[at] ?? 0) - this.#nowUs <= burst * intervalUs);
    if (isFree) for (const [at, { key }] of buckets.entries()) this.#fullAtUs.set(key, next[at] ?? 0);
    return isFree;
  }

  /** Memory is bounded as it is for live limits: those for whom there is no room share. */
  #admit(bucket: Bucket): Bucket {
    if (this.#fullAtUs.has(bucket.key) || this.#fullAtUs.size < mostBuckets) return bucket;
    for (const [key, fullAtUs] of this.#fullAtUs) if (fullAtUs <= this.#nowUs) this.#fullAtUs.delete(key);
    return this.#fullAtUs.size < mostBuckets ? bucket : sharedBucket(bucket);
  }
}

const hadRule = (then: CompiledPolicy | undefined, limit: RateLimitRule): boolean =>
  (then?.document?.rules ?? []).some((rule) => rule.id === limit.id && isDeepStrictEqual(rule, limit));
