import { z } from 'zod';

export const setupOffered = z.object({
  ownerId: z.uuid(),
  /** Names this offer: an owner may be offered another one, which replaces it. */
  offerId: z.uuid(),
  /** Base64 of HMAC-SHA256(pepper, set-up token). */
  fingerprint: z.base64(),
  expiresAt: z.iso.datetime(),
});
export type SetupOffered = z.infer<typeof setupOffered>;

export const setupRedeemed = z.object({ ownerId: z.uuid(), offerId: z.uuid(), keyId: z.uuid() });
export type SetupRedeemed = z.infer<typeof setupRedeemed>;

export const setupEvents = {
  'setup.offered': setupOffered,
  'setup.redeemed': setupRedeemed,
} as const;
