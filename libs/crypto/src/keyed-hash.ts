import { createHmac, type KeyObject } from 'node:crypto';
import { isWellFormed } from './well-formed.js';

/** The secret of an installation that turns equal inputs into equal, unguessable texts. At least 32 bytes. */
export type Pepper = KeyObject | Uint8Array;

const minPepperBytes = 32;
const purposePattern = /^[a-z][a-z0-9.-]{0,63}$/;

function hmac(pepper: Pepper, text: string) {
  const bytes = pepper instanceof Uint8Array ? pepper.byteLength : (pepper.symmetricKeySize ?? 0);
  if (bytes < minPepperBytes) throw new RangeError(`a pepper has at least ${minPepperBytes} bytes`);
  if (!isWellFormed(text)) throw new RangeError('text with half a surrogate pair has no UTF-8 form');
  return createHmac('sha256', pepper).update(text, 'utf8');
}

/**
 * HMAC-SHA256 (RFC 2104) of a key under the pepper: 32 bytes, all that is stored of it. A plain keyed hash is enough
 * because keys have 256 random bits or more; it is not for passwords.
 *
 * @example store.get(keyFingerprint(pepper, bearer).toString('base64url'))
 */
export const keyFingerprint = (pepper: Pepper, key: string): Buffer => hmac(pepper, key).digest();

/** The forms of a personal value that people take for the same: letter case and composed or decomposed accents. */
const fold = (text: string): string => text.normalize('NFC').toLowerCase().normalize('NFC');

/**
 * What a personal value is looked up by, without storing it: 43 characters of base64url. `purpose` keeps two columns
 * from being joined. Lower case and NFC first, so `Ann@Example.org` and `ann@example.org` are one; blanks count.
 *
 * It is still personal data (who holds the pepper can test guesses): keep it in tables that erasure reaches, not in
 * events. Throws `RangeError` on a purpose outside `[a-z][a-z0-9.-]{0,63}` or a lone surrogate.
 *
 * @example blindIndex(pepper, 'user.email', 'Ann@Example.org')
 */
export function blindIndex(pepper: Pepper, purpose: string, text: string): string {
  if (!purposePattern.test(purpose)) throw new RangeError('a purpose is a dotted lower-case word');
  return hmac(pepper, `gatehouse.blind-index.v1\0${purpose}\0${fold(text)}`).digest('base64url');
}

/**
 * Proves that a text that comes back to us is one that we gave out: 43 characters of base64url. `purpose` keeps a text of
 * one kind from passing for one of another; letter case and blanks count.
 *
 * Throws `RangeError` as {@link blindIndex} does. Compare with {@link constantTimeEqual}.
 *
 * @example messageCode(pepper, 'search.page-token', JSON.stringify(['acme', 'u_7']))
 */
export function messageCode(pepper: Pepper, purpose: string, text: string): string {
  if (!purposePattern.test(purpose)) throw new RangeError('a purpose is a dotted lower-case word');
  return hmac(pepper, `gatehouse.message-code.v1\0${purpose}\0${text}`).digest('base64url');
}

/**
 * Stands for an identifier that looks personal, such as an e-mail address given as the subject of a decision: `p_` and
 * 128 bits in base64url, equal for equal text. Letter case counts, since identifiers of others may differ by it alone.
 *
 * @example pseudonym(pepper, 'ann@example.org') // 'p_' and 22 characters
 */
export const pseudonym = (pepper: Pepper, text: string): string =>
  `p_${hmac(pepper, `gatehouse.pseudonym.v1\0${text}`).digest().subarray(0, 16).toString('base64url')}`;

/** A domain with a dot. Half a token would pass for one, and a handle such as `@ann` has none. */
const domainPattern = /^(?!.*eyJ)[A-Za-z0-9][A-Za-z0-9-]{0,62}(?:\.[A-Za-z0-9-]{1,63}){1,8}$/;
const maxDomainLength = 200;
const ownPattern = /^p_[A-Za-z0-9_-]{22}@[^@]+$/;

/**
 * Stands for an identifier that holds an `@`: the pseudonym of the whole, and its domain where it has one, so that a rule
 * about everybody at `@example.org` still finds them. What has this form already stays as it is.
 *
 * @example addressPseudonym(pepper, 'ann@example.org') // 'p_', 22 characters and '@example.org'
 */
export function addressPseudonym(pepper: Pepper, text: string): string {
  const domain = text.slice(text.lastIndexOf('@') + 1);
  if (domain.length > maxDomainLength || !domainPattern.test(domain)) return pseudonym(pepper, text);
  return ownPattern.test(text) ? text : `${pseudonym(pepper, text)}@${domain}`;
}
