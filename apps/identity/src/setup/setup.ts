/** One offer of the one-time set-up link, as whoever redeems it finds it. */
export interface SetupOffer {
  readonly tenantId: string;
  readonly ownerId: string;
  readonly offerId: string;
  /** RFC 3339. */
  readonly expiresAt: string;
  readonly status: 'open' | 'redeemed' | 'replaced';
}

/** Offers of one owner stand in one event stream: the last of them counts. */
export const setupStream = (ownerId: string): string => `setup:${ownerId}`;

/** A link lies around in a terminal or a file, so it must not work for ever. */
export const setupLifetimeMs = 24 * 3_600_000;

/** An offer is redeemed at most once, whoever races: the command id is unique in the log. */
export const redemptionCommandId = (offerId: string): string => `redeem-setup:${offerId}`;
