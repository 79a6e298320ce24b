import { z } from 'zod';
import { loginMethod } from './login.js';

const principal = z.object({ type: z.enum(['service', 'user', 'device']), id: z.string().max(256) });

/**
 * A token of the vault, in the stream `token:<tokenId>`. Its text stands nowhere, nor what its holder named it. Times are
 * RFC 3339; `numUses` 0: no bound.
 */
export const tokenCreated = z.object({
  /** Also the token's accessor, and the credential that decisions record. */
  tokenId: z.uuid(),
  principal,
  /** The token it was made with; it ends with that one. */
  parentId: z.uuid().optional(),
  /** The key it was made with. */
  keyId: z.uuid().optional(),
  /** The login that gave it. */
  login: z.object({ method: loginMethod, role: z.string().max(128), roleId: z.uuid() }).optional(),
  /** Action patterns; absent: all that the principal may. */
  scopes: z.array(z.string().max(128)).max(64).optional(),
  expiresAt: z.iso.datetime(),
  maxExpiresAt: z.iso.datetime(),
  numUses: z.int().min(0),
  renewable: z.boolean(),
});
export type TokenCreated = z.infer<typeof tokenCreated>;

export const tokenRenewed = z.object({ tokenId: z.uuid(), expiresAt: z.iso.datetime() });
export type TokenRenewed = z.infer<typeof tokenRenewed>;

/** It ends now, and with it every token that was made with it. */
export const tokenRevoked = z.object({ tokenId: z.uuid() });
export type TokenRevoked = z.infer<typeof tokenRevoked>;

export const tokenEvents = {
  'token.created': tokenCreated,
  'token.renewed': tokenRenewed,
  'token.revoked': tokenRevoked,
} as const;
