import { usageFailure } from './failure.js';
import { parseInstant } from './output/time.js';

/** RFC 3339, or a day, which begins at midnight UTC. @throws Failure for any other text */
export function instantOf(flag: string, text: string): string;
export function instantOf(flag: string, text: string | undefined): string | undefined;
export function instantOf(flag: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const instant = parseInstant(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text);
  if (instant === undefined)
    throw usageFailure(`${flag} "${text}" is no moment such as 2026-11-22 or 2026-11-22T10:00:00Z`);
  return instant;
}
