import { deviceDescription } from '@gatehouse/contracts';
import { z } from 'zod';

/** Base64url of 32 bytes: the last character carries two bits. */
const publicKey = z.string().regex(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/, 'is not 32 bytes in base64url');
export const signature = z.string().regex(/^[A-Za-z0-9_-]{85}[AQgw]$/, 'is not 64 bytes in base64url');
export const signedAt = z.iso.datetime();
export const publicKeys = z.strictObject({ identity: publicKey, session: publicKey });

/** One line a person reads: no control characters, no direction marks that could make it look like another one. */
const line = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]*$/u, 'holds a character that cannot be shown');

export const registrationInput = z.strictObject({
  owner: z.string().max(320),
  description: z.strictObject({
    hostname: line(253).min(1),
    platform: line(64),
    architecture: line(32),
    version: line(64),
  } satisfies Record<keyof typeof deviceDescription.shape, z.ZodType>),
  keys: publicKeys,
  signedAt,
  signature,
});
export type RegistrationInput = z.output<typeof registrationInput>;

export const stateInput = z.strictObject({
  signedAt,
  /** Base64url of 32 random bytes: who sends the same one again is told the same key again, for ten minutes. */
  nonce: z
    .string()
    .regex(/^[A-Za-z0-9_-]{43}$/)
    .optional(),
  signature,
});
export type StateInput = z.output<typeof stateInput>;
