import { z } from 'zod';
import { parseDuration } from '../dialect/duration.js';

/** A duration of at most this many seconds, in any spelling of the dialect; its output is seconds. An empty text is 0. */
export const durationUpTo = (maxSeconds: number) =>
  z.union([z.number(), z.string().max(32)]).transform((value, context) => {
    const seconds = value === '' ? 0 : parseDuration(value);
    if (seconds !== undefined && seconds <= maxSeconds) return seconds;
    const message = `must be a time of at most ${maxSeconds} seconds, such as 90 or 1h30m`;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });
