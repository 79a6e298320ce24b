import type { SetupRedeemed } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import { createKey } from '../../key/create-key/create-key.js';
import { Refusal } from '../../refusal.js';
import type { SetupOffer } from '../setup.js';

export interface RedeemSetup {
  readonly keyId: string;
  readonly fingerprint: string;
  readonly displayPrefix: string;
  /** Unix time in milliseconds. */
  readonly now: number;
}

/**
 * The owner's first key, for whoever holds the link. Both events go into the new key's stream: one stream is one
 * transaction, so a link is never used up without a key, nor a key made without using up the link.
 *
 * @throws Refusal `setup_link_invalid` for every reason alike: unknown, used, replaced, expired
 */
export function redeemSetup(command: RedeemSetup, offer: SetupOffer | undefined): readonly NewEvent[] {
  const isOpen = offer?.status === 'open' && Date.parse(offer.expiresAt) > command.now;
  if (!isOpen) throw new Refusal('setup_link_invalid');
  const { ownerId, offerId } = offer;
  const { keyId, fingerprint, displayPrefix, now } = command;
  const redeemed: SetupRedeemed = { ownerId, offerId, keyId };
  const key = createKey(
    {
      keyId,
      family: 'mau',
      name: firstKeyName(keyId),
      caller: { type: 'user', id: ownerId },
      roles: [],
      fingerprint,
      displayPrefix,
      now,
    },
    { status: 'none' },
  );
  return [{ type: 'setup.redeemed', version: 1, data: redeemed }, ...key];
}

/** Unique without asking: the last twelve digits of a UUIDv7 are random. */
const firstKeyName = (keyId: string): string => `owner-${keyId.slice(-12)}`;
