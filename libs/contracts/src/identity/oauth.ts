import { z } from 'zod';

/**
 * A family of tokens of one client ends: every service refuses access tokens that carry this grant as `sid`.
 * `userId` is absent for a client that acts for itself.
 */
export const oauthGrantRevoked = z.object({
  grantId: z.string(),
  clientId: z.string(),
  userId: z.uuid().optional(),
  reason: z.enum(['signed_out', 'revoked', 'reuse', 'client_removed', 'disabled', 'erased']),
});
export type OauthGrantRevoked = z.infer<typeof oauthGrantRevoked>;

export const oauthEvents = {
  'oauth_grant.revoked': oauthGrantRevoked,
} as const;
