import { createHash } from 'node:crypto';

/** What is counted of a rule of type `rate_limit`: see the evaluator's `RateLimitRule`. */
export interface Limit {
  readonly id: string;
  readonly requests_per_period: number;
  readonly period_seconds: number;
  readonly scope: 'per_user' | 'per_key' | 'per_tenant' | 'global';
  readonly burst?: number;
}

/** Whom a request is counted for. */
export interface Counted {
  readonly tenantId: string;
  readonly subject: { readonly type: string; readonly id: string };
  /** The credential behind the request: the subject's where it is known, else that of whoever asks. */
  readonly credential: string;
}

/**
 * One count of one limit: a bucket of `burst` tokens that gains one every `intervalUs`. In no stretch of time does it give
 * more than `burst` and one for every interval of it, which is GCRA (ITU-T I.371) in its other words.
 */
export interface Bucket {
  /** Stands for the limit with its numbers and for whom is counted: who changes the numbers begins a new count. */
  readonly key: string;
  readonly tenantId: string;
  /** Id of the rule. */
  readonly id: string;
  /** `requests_per_period`, for the answer. */
  readonly limit: number;
  readonly intervalUs: number;
  readonly burst: number;
}

/** So that the time of a whole bucket, in microseconds, stays within 64 bits beside any date. */
const longestUs = 1e18;

const keyOf = (parts: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 22);

/** A policy is one tenant's, and so is every count: `per_tenant` and `global` are the same here. */
const countedBy = {
  per_user: ({ subject }: Counted) => [subject.type, subject.id],
  per_key: ({ credential }: Counted) => [credential],
  per_tenant: () => [],
  global: () => [],
} as const;

/** The buckets that a request takes a token from, one for each limit that applies to it. */
export const bucketsOf = (limits: readonly Limit[], counted: Counted): readonly Bucket[] =>
  limits.map(({ id, requests_per_period: limit, period_seconds: seconds, scope, burst = limit }) => {
    // Rounded up: never a token more than the rule says.
    const intervalUs = Math.max(1, Math.ceil((seconds * 1e6) / limit));
    const { tenantId } = counted;
    return {
      key: keyOf([tenantId, id, limit, seconds, burst, scope, ...countedBy[scope](counted)]),
      tenantId,
      id,
      limit,
      intervalUs,
      burst: Math.min(burst, Math.floor(longestUs / intervalUs)),
    };
  });

/** How many counts stand in for those that there is no room for, for each tenant. */
const sharedBuckets = 64;

/** The count that a bucket shares with others when there is no room for one of its own: refuses sooner, never later. */
export function sharedBucket(bucket: Bucket): Bucket {
  const { tenantId, id, limit, intervalUs, burst, key } = bucket;
  const part = (key.charCodeAt(0) * 128 + key.charCodeAt(1)) % sharedBuckets;
  return { ...bucket, key: keyOf(['shared', tenantId, id, limit, intervalUs, burst, part]) };
}
