/** How often something may be tried: `free` times at once, then after delays that double from `firstMs` to `maxMs`. */
export interface ThrottleLimit {
  readonly free: number;
  readonly firstMs: number;
  readonly maxMs: number;
  /** Quiet for so long, and all is forgotten. */
  readonly forgetMs: number;
}

export interface ThrottleState {
  readonly count: number;
  readonly blockedUntilMs: number;
  readonly lastMs: number;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/**
 * What is counted. No delay is longer than a quarter of an hour and what is tried meanwhile does not make it longer, so
 * that nobody is ever locked out for good by somebody else. See ADR 0010.
 */
export const limits = {
  /** One address, from networks that are new to it; an address that nobody has counts alike. */
  account: { free: 5, firstMs: 2_000, maxMs: 15 * minuteMs, forgetMs: hourMs },
  /** One address from one network that it signed in from before: neither of the two other counts applies. */
  knownPlace: { free: 10, firstMs: 2_000, maxMs: 15 * minuteMs, forgetMs: hourMs },
  /** One network, whoever is tried from there. */
  network: { free: 50, firstMs: 1_000, maxMs: 15 * minuteMs, forgetMs: hourMs },
  /** Registrations and links asked for by one network. */
  requests: { free: 30, firstMs: 10_000, maxMs: 15 * minuteMs, forgetMs: hourMs },
  /** Letters to one address. A link lives longer than the pause, so that there is always one that works. */
  letters: { free: 3, firstMs: 10 * minuteMs, maxMs: 10 * minuteMs, forgetMs: hourMs },
} as const satisfies Record<string, ThrottleLimit>;

export const longestMemoryMs = Math.max(...Object.values(limits).map(({ forgetMs }) => forgetMs));

/**
 * One more try: the state after it, or how long to wait for it. Counted before it is known whether it was right, so that
 * a thousand at once are a thousand; what was right is taken back.
 */
export function charge(
  before: ThrottleState | undefined,
  limit: ThrottleLimit,
  nowMs: number,
): { readonly state: ThrottleState; readonly waitMs?: never } | { readonly waitMs: number; readonly state?: never } {
  if (before && before.blockedUntilMs > nowMs) return { waitMs: before.blockedUntilMs - nowMs };
  const count = before && nowMs - before.lastMs < limit.forgetMs ? before.count + 1 : 1;
  const over = count - limit.free;
  // 2^30 seconds would do; beyond 2^1023 the product is no number any more.
  const delayMs = over <= 0 ? 0 : Math.min(limit.maxMs, limit.firstMs * 2 ** Math.min(over - 1, 30));
  // Without a delay nothing is blocked, not even what began a millisecond before and comes second.
  return { state: { count, blockedUntilMs: delayMs > 0 ? nowMs + delayMs : 0, lastMs: nowMs } };
}
