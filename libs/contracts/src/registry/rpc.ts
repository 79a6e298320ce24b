import { z } from 'zod';

/** Asked by relays: the key that grants are signed with, and those that were before it. Public. */
export const grantKeys = {
  service: 'registry',
  method: 'grant_keys',
  request: z.object({}),
  response: z.object({
    /** JWK thumbprint (`kid`) and base64url of the Ed25519 public key; the first one signs. */
    keys: z
      .array(z.object({ kid: z.string(), publicKey: z.string().regex(/^[A-Za-z0-9_-]{43}$/) }))
      .min(1)
      .max(8),
  }),
} as const;
