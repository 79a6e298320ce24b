/** How long a registration waits for somebody to decide it. */
export const pendingMs = 2 * 86_400_000;
/** How far the clock of a device may be off, both ways. */
export const proofSkewMs = 5 * 60_000;
/** How long the holder of a nonce may ask again for the key that was minted with it. */
export const refetchMs = 10 * 60_000;

export const hasExpired = (requestedAt: number, now: number): boolean => requestedAt + pendingMs <= now;
