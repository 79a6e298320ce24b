const maxDelayMs = 3_600_000;

/** How long a delivery is tried. */
export const deliveryPeriodMs = 86_400_000;

/**
 * The wait after the n-th failed try (n from 1): doubled each time up to an hour, and a quarter more or less, so that
 * what failed together does not come back together.
 *
 * @param random between 0 and 1
 */
export const retryDelayMs = (tries: number, firstMs: number, random: number): number =>
  Math.round(Math.min(firstMs * 2 ** Math.min(tries - 1, 30), maxDelayMs) * (0.75 + random / 2));
