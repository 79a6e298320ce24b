import { keyFingerprint, type Pepper } from '@gatehouse/crypto';

/** Crockford's alphabet: no letter that reads like another. 32 of them, so a character is five bits. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const length = 10;
export const recoveryCodeCount = 10;
/** Random bytes of a whole set: one per character, of which five bits count. */
export const recoveryRandomBytes = recoveryCodeCount * length;

/**
 * A set of codes of 50 random bits each, as `XXXXX-XXXXX`.
 *
 * @param random {@link recoveryRandomBytes} random bytes
 */
export function recoveryCodes(random: Uint8Array): readonly string[] {
  if (random.length !== recoveryRandomBytes) throw new RangeError(`not ${recoveryRandomBytes} random bytes`);
  const characters = Array.from(random, (byte) => alphabet[byte % alphabet.length]).join('');
  return Array.from({ length: recoveryCodeCount }, (_, i) => {
    const code = characters.slice(i * length, (i + 1) * length);
    return `${code.slice(0, 5)}-${code.slice(5)}`;
  });
}

/** As a person may type it: in lower case, with blanks, with O for 0 and I or L for 1. */
const canonical = (typed: string): string =>
  typed.toUpperCase().replace(/[\s-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1');

/** All that is kept of a code: its HMAC, with its person in it, so that equal codes of two people are no equal rows. */
export const recoveryFingerprint = (pepper: Pepper, userId: string, typed: string): string =>
  keyFingerprint(pepper, `gatehouse.recovery-code.v1\0${userId}\0${canonical(typed)}`).toString('base64url');
