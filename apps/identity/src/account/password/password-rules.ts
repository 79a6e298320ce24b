/** What a password is measured against, beside the list of common ones. */
export interface PasswordRules {
  readonly minLength: number;
  readonly isCommon: (folded: string) => boolean;
}

/** The person's own words, which are the first that somebody else tries. */
export interface OwnWords {
  readonly email?: string | undefined;
  readonly name?: string | undefined;
}

export type PasswordProblem = 'too_short' | 'too_long' | 'malformed' | 'common' | 'personal';

export const passwordMessages: Readonly<Record<PasswordProblem, string>> = {
  too_short: 'is too short',
  too_long: 'is longer than 1024 bytes',
  malformed: 'is not well-formed text',
  common: 'is one of the passwords that are tried first: choose another',
  personal: 'is made of the own name or address: choose another',
};

/** Argon2 would take more, and a body of megabytes would keep a core busy for nothing. */
export const maxPasswordBytes = 1_024;

/** Half a surrogate pair has no UTF-8 form, so nothing could be hashed the same way twice. */
export const isWellFormed = (text: string): boolean => !/\p{Surrogate}/u.test(text);

/** One spelling for passwords that look alike on different keyboards (NIST SP 800-63B, 3.1.1.2). */
export const canonicalPassword = (password: string): string => password.normalize('NFKC');

const fold = (text: string): string => canonicalPassword(text).toLowerCase();
const leastWord = 4;

/**
 * Why a new password is refused, or undefined. No rules of composition: length, and nothing that is guessed first
 * (NIST SP 800-63B, 3.1.1.2). Letter case and what stands around a common password do not make it a good one.
 */
export function passwordProblem(
  password: string,
  rules: PasswordRules,
  own: OwnWords = {},
): PasswordProblem | undefined {
  if (!isWellFormed(password)) return 'malformed';
  const canonical = canonicalPassword(password);
  if (Buffer.byteLength(canonical) > maxPasswordBytes) return 'too_long';
  if ([...canonical].length < rules.minLength) return 'too_short';
  const folded = fold(password);
  if (new Set(folded).size < 4 || isWalk(folded) || rules.isCommon(folded) || rules.isCommon(bare(folded)))
    return 'common';
  return isOwn(folded, own) ? 'personal' : undefined;
}

/** Digits and signs at both ends are what people add when a rule asks for them. */
const bare = (text: string): string => text.replace(/^[\W\d_]+|[\W\d_]+$/gu, '');

/** Every character follows the one before it: `abcdefghijkl`, `9876543210`. */
function isWalk(text: string): boolean {
  const steps = [...text].slice(1).map((char, at) => (char.codePointAt(0) ?? 0) - ([...text][at]?.codePointAt(0) ?? 0));
  return steps.every((step) => step === steps[0]) && Math.abs(steps[0] ?? 0) <= 1;
}

/** Refused when little is left of it once the person's own words are taken out. */
function isOwn(folded: string, { email, name }: OwnWords): boolean {
  const address = fold(email ?? '');
  const words = [address, ...address.split(/[@.+_-]/u), ...fold(name ?? '').split(/\s+/u)]
    .filter((word) => word.length >= leastWord)
    .sort((one, other) => other.length - one.length);
  const rest = words.reduce((text, word) => text.replaceAll(word, ''), folded);
  return rest !== folded && [...rest].length < leastWord * 2;
}
