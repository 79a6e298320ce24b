import { usageFailure } from '../../failure.js';
import { parseDuration, parseInstant } from '../../output/time.js';

export const windowOptions = {
  since: { type: 'string', requiresArg: true, describe: '30s, 5m, 1h, 7d, 2w ago, or RFC 3339, or a day (UTC)' },
  until: { type: 'string', requiresArg: true, describe: 'The same; now unless given' },
} as const;

export interface Window {
  readonly sinceMs?: number;
  readonly untilMs?: number;
}

/** From a moment that counts to the first one that does not. @throws Failure for other texts, or an end before the beginning */
export function parseWindow(
  { since, until }: { readonly since?: string | undefined; readonly until?: string | undefined },
  nowMs: number,
): Window {
  const sinceMs = since === undefined ? undefined : momentOf('--since', since, nowMs);
  const untilMs = until === undefined ? undefined : momentOf('--until', until, nowMs);
  if (sinceMs !== undefined && untilMs !== undefined && sinceMs >= untilMs)
    throw usageFailure(`--since ${since} is not before --until ${until}`);
  return { ...(sinceMs !== undefined && { sinceMs }), ...(untilMs !== undefined && { untilMs }) };
}

function momentOf(flag: string, text: string, nowMs: number): number {
  const ago = parseDuration(text);
  if (ago !== undefined) return nowMs - ago;
  const instant = parseInstant(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text);
  if (instant === undefined) throw usageFailure(`${flag} "${text}" is neither 30s, 5m, 1h, 7d, 2w nor a moment or day`);
  return Date.parse(instant);
}

export const instantAt = (ms: number | undefined): string | undefined =>
  ms === undefined ? undefined : new Date(ms).toISOString();
