import type { JWK } from 'jose';

export const signingAlgorithms = ['ES256', 'RS256', 'EdDSA'] as const;
export type SigningAlgorithm = (typeof signingAlgorithms)[number];

/** One key pair and when it is used. Times are Unix milliseconds. */
export interface SigningKeyTimes {
  /** Published from the moment it is made, so that everybody knows it before the first token that it signs. */
  readonly signsFromMs: number;
  readonly signsUntilMs: number;
  /** Later than `signsUntilMs` by the longest life of a token. */
  readonly publishedUntilMs: number;
}

export interface PublishedKey extends SigningKeyTimes {
  readonly kid: string;
  readonly algorithm: SigningAlgorithm;
  readonly publicJwk: JWK;
}

const dayMs = 86_400_000;
/** How long a key signs, how long before that it is made, and how long after it its tokens may still be shown. */
export const signingPeriodMs = 30 * dayMs;
export const announcedMs = dayMs;
export const longestTokenMs = dayMs;

/** Times of a key that starts to sign at `signsFromMs`. */
export const timesFrom = (signsFromMs: number): SigningKeyTimes => ({
  signsFromMs,
  signsUntilMs: signsFromMs + signingPeriodMs,
  publishedUntilMs: signsFromMs + signingPeriodMs + longestTokenMs,
});

/** The key that signs now: of those whose time it is, the one that started last. */
export const currentKey = <K extends SigningKeyTimes>(keys: readonly K[], nowMs: number): K | undefined =>
  keys
    .filter(({ signsFromMs, signsUntilMs }) => signsFromMs <= nowMs && nowMs < signsUntilMs)
    .reduce<K | undefined>((last, key) => (!last || key.signsFromMs > last.signsFromMs ? key : last), undefined);

/** When the next key has to start signing, if it should be made now; undefined while the last one has time left. */
export function nextKeyDue(keys: readonly SigningKeyTimes[], nowMs: number): number | undefined {
  const lastUntil = Math.max(0, ...keys.map(({ signsUntilMs }) => signsUntilMs));
  if (lastUntil <= nowMs) return nowMs;
  return lastUntil - announcedMs <= nowMs ? lastUntil : undefined;
}
