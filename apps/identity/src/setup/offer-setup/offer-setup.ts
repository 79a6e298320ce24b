import type { SetupOffered } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';

export interface OfferSetup {
  readonly ownerId: string;
  readonly offerId: string;
  /** Base64 of HMAC-SHA256(pepper, set-up token). */
  readonly fingerprint: string;
  /** RFC 3339. */
  readonly expiresAt: string;
}

/** Offers a set-up link; it takes the place of any earlier one. */
export const offerSetup = ({ ownerId, offerId, fingerprint, expiresAt }: OfferSetup): readonly NewEvent[] => [
  {
    type: 'setup.offered',
    version: 1,
    data: { ownerId, offerId, fingerprint, expiresAt } satisfies SetupOffered,
  },
];
