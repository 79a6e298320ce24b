const baseMs = 1_000;
const longestMs = 300_000;

/**
 * How long to wait after so many failures: 1 s, 2 s, 4 s ... at most 5 minutes, for ever; spread over half of it, so that
 * what failed together does not come back together.
 *
 * @param random of [0, 1)
 */
export const backoffMs = (failures: number, random = Math.random()): number => {
  const full = Math.min(longestMs, baseMs * 2 ** Math.min(failures - 1, 20));
  return Math.round(full * (0.5 + random / 2));
};
