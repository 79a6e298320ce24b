import { Secret, TOTP } from 'otpauth';

/** RFC 6238 as every authenticator app knows it: SHA-1, six digits, a step of 30 seconds, a secret of 160 bits. */
const form = { algorithm: 'SHA1', digits: 6, period: 30 } as const;
export const totpSecretBytes = 20;
/** Steps before and after the current one whose codes are taken, for clocks that differ. */
const window = 1;

const codePattern = /^\d{6}$/;

const secretOf = (base32: string): Secret => Secret.fromBase32(base32);

/** @param random {@link totpSecretBytes} random bytes */
export const totpSecret = (random: Uint8Array): string => new Secret({ buffer: Uint8Array.from(random).buffer }).base32;

/** What an authenticator app reads from the picture. The account's name is shown in the app and goes nowhere else. */
export const totpUri = (secret: string, issuer: string, account: string): string =>
  new TOTP({ ...form, secret: secretOf(secret), issuer, label: account }).toString();

/** The code of the moment, as an app shows it. */
export const totpCode = (secret: string, nowMs: number): string =>
  TOTP.generate({ ...form, secret: secretOf(secret), timestamp: nowMs });

/**
 * The step that `code` belongs to, if it is the current one or one of its neighbours. Whoever accepts a code remembers
 * its step and takes none that is not later (RFC 6238, 5.2).
 */
export function totpStep(secret: string, code: string, nowMs: number): number | undefined {
  // The library compares bytes and throws on digits of other scripts.
  if (!codePattern.test(code)) return undefined;
  const delta = TOTP.validate({ ...form, secret: secretOf(secret), token: code, timestamp: nowMs, window });
  return delta === null ? undefined : TOTP.counter({ ...form, timestamp: nowMs }) + delta;
}
