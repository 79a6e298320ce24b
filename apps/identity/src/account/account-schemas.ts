import { z } from 'zod';

/** An address as letters can reach it: 254 characters are the most that SMTP carries (RFC 5321, 4.5.3.1.3). */
export const emailAddress = z
  .string()
  .max(254)
  .transform((text) => text.trim())
  .pipe(z.email());

/** Bounded here so that nothing longer is looked at; what a new one must be is the rules' to say. */
export const password = z.string().min(1).max(4_096);

const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Surrogate}]/u;

/** One line that people read: no control characters, nothing that turns text around. */
export const personName = z
  .string()
  .max(200)
  .transform((text) => text.trim().normalize('NFC'))
  .refine((text) => text.length > 0 && !unprintable.test(text), 'is not one line of text');

export const tenantId = z.string().max(63);
export const linkToken = z.string().max(256);

export const issuedTokens = z.object({
  access_token: z.string(),
  token_type: z.literal('bearer'),
  expires_in: z.int(),
  refresh_token: z.string().optional(),
  refresh_expires_in: z.int(),
  session_id: z.uuid(),
  tenant: z.string(),
});
