import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server';
import { z } from 'zod';

const base64url = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[A-Za-z0-9_-]+$/, 'is not base64url');

/** A credential's id has at most 1,023 bytes (WebAuthn, 4). */
const credential = {
  id: base64url(1_364),
  rawId: base64url(1_364),
  type: z.literal('public-key'),
  authenticatorAttachment: z.enum(['platform', 'cross-platform']).nullish(),
};

/** Fields that browsers add beside these are of no use here and are left out. */
export const newPasskey = z
  .object({
    ...credential,
    response: z.object({
      clientDataJSON: base64url(8_192),
      attestationObject: base64url(40_000),
      transports: z.array(z.string().max(32)).max(16).optional(),
    }),
  })
  .transform((given) => ({ ...given, clientExtensionResults: {} }) as RegistrationResponseJSON);

export const signedPasskey = z
  .object({
    ...credential,
    response: z.object({
      clientDataJSON: base64url(8_192),
      authenticatorData: base64url(8_192),
      signature: base64url(8_192),
      userHandle: base64url(128).nullish(),
    }),
  })
  .transform((given) => ({ ...given, clientExtensionResults: {} }) as unknown as AuthenticationResponseJSON);

export const totpCode = z.string().regex(/^\d{6}$/, 'is not six digits');

/** As it is typed: hyphen, blanks and letter case do not count. */
export const recoveryCode = z.string().min(10).max(32);

/** What a person calls a passkey. */
export const passkeyName = z
  .string()
  .trim()
  .min(1)
  .max(64)
  .regex(/^\P{Cc}*$/u, 'has a control character');

/** Options are handed to the browser as they are (WebAuthn, 5.1.9 and 5.1.10). */
export const browserOptions = z.record(z.string(), z.unknown());

export const begunTotp = z.object({
  secret: z.string(),
  uri: z.string(),
  svg: z.string(),
  expires_at: z.iso.datetime(),
});

/** The codes are in the answer that made them and in no other. */
export const enrolled = z.object({ factor_id: z.uuid(), recovery_codes: z.array(z.string()).optional() });

export const passkeyBodyLimit = 65_536;
