import { coversScopes } from '@gatehouse/authn';

/** Limits of tokens, in seconds where nothing else is said. */
export const tokenLimits = {
  defaultTtl: 3_600,
  /** 32 days, as clients of the dialect know it. */
  maxTtl: 2_764_800,
  /** Tokens made with tokens made with tokens. */
  maxDepth: 16,
  numUses: 1_000_000,
  scopes: 64,
} as const;

/** What the maker of a token asks for. */
export interface TokenWish {
  readonly ttlSeconds?: number | undefined;
  readonly explicitMaxTtlSeconds?: number | undefined;
  readonly numUses?: number | undefined;
  readonly renewable?: boolean | undefined;
  /** Action patterns; absent: those of the parent. */
  readonly scopes?: readonly string[] | undefined;
}

/** What it is made with: bounds that no child passes. */
export interface TokenParent {
  /** Unix milliseconds; infinite for a key without an end. */
  readonly endsAtMs: number;
  readonly scopes?: readonly string[] | undefined;
  /** How many tokens there are above, this one included; 0 for a key or a sign-in. */
  readonly depth: number;
}

export interface TokenTerms {
  readonly expiresAtMs: number;
  readonly maxExpiresAtMs: number;
  /** As it was asked for; 0: it was not. */
  readonly explicitMaxTtlSeconds: number;
  readonly numUses: number;
  readonly renewable: boolean;
  readonly scopes: readonly string[] | undefined;
}

export type TermsRefusal = 'scopes_too_wide' | 'too_deep' | 'parent_ended';

/**
 * The terms of a new token: never beyond what it is made with, in time or in scope. Times are cut, since a client that
 * asks for the usual hour of a parent with a minute left wants that minute; scopes are refused, since a client that asks
 * for more than there is would fail later.
 */
export function termsOf(wish: TokenWish, parent: TokenParent, nowMs: number): TokenTerms | TermsRefusal {
  if (parent.depth >= tokenLimits.maxDepth) return 'too_deep';
  if (parent.endsAtMs <= nowMs) return 'parent_ended';
  const scopes = wish.scopes ?? parent.scopes;
  if (!coversScopes(parent.scopes, scopes)) return 'scopes_too_wide';
  const explicit = wish.explicitMaxTtlSeconds || tokenLimits.maxTtl;
  const maxExpiresAtMs = Math.min(nowMs + Math.min(explicit, tokenLimits.maxTtl) * 1_000, parent.endsAtMs);
  const ttlSeconds = wish.ttlSeconds || tokenLimits.defaultTtl;
  return {
    expiresAtMs: Math.min(nowMs + ttlSeconds * 1_000, maxExpiresAtMs),
    maxExpiresAtMs,
    explicitMaxTtlSeconds: wish.explicitMaxTtlSeconds ?? 0,
    numUses: wish.numUses ?? 0,
    renewable: wish.renewable ?? true,
    scopes,
  };
}

/** When a token ends after it is renewed: the increment (that of its making unless given) from now, within its maximum. */
export const renewedUntil = (
  { ttlSeconds, maxExpiresAtMs }: { readonly ttlSeconds: number; readonly maxExpiresAtMs: number },
  incrementSeconds: number | undefined,
  nowMs: number,
): number => Math.min(nowMs + (incrementSeconds || ttlSeconds) * 1_000, maxExpiresAtMs);

/** What `policies` of a token shows: its action patterns, or that it has the limits of its principal alone. */
export const policiesShown = (scopes: readonly string[] | undefined): readonly string[] => [
  'default',
  ...(scopes ?? []),
];
