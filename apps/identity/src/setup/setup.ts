import type { Envelope, SetupOffered } from '@gatehouse/contracts';
import type { Decider } from '@gatehouse/event-store';

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

/** What an owner has been offered last. Whether it was redeemed stands in the stream of the key that came of it. */
export type LastOffer = { readonly status: 'none' } | { readonly status: 'offered'; readonly fingerprint: string };

export const setupDecider: Decider<LastOffer> = {
  initialState: { status: 'none' },
  evolve: (state, { type, data }: Envelope): LastOffer =>
    type === 'setup.offered' ? { status: 'offered', fingerprint: (data as SetupOffered).fingerprint } : state,
};

/** A link lies around in a terminal or a file, so it must not work for ever. */
export const setupLifetimeMs = 24 * 3_600_000;

/** An offer is redeemed at most once, whoever races: the command id is unique in the log. */
export const redemptionCommandId = (offerId: string): string => `redeem-setup:${offerId}`;
