const partsPerWindow = 6;

/**
 * The part of a window in which something is counted, as Unix milliseconds of its beginning. What claims to come from
 * the future counts now.
 */
export function partOf(atMs: number, windowSeconds: number, nowMs: number): number {
  const lengthMs = Math.max(1, Math.ceil(windowSeconds / partsPerWindow)) * 1_000;
  return Math.floor(Math.min(atMs, nowMs) / lengthMs) * lengthMs;
}

/** Parts that began before this are out of the window. */
export const windowStart = (nowMs: number, windowSeconds: number): number => nowMs - windowSeconds * 1_000;
