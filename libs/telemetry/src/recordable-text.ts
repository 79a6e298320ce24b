import { addressPseudonym, type Pepper, pseudonym } from '@gatehouse/crypto';
import { maskSecrets } from './mask.js';

/** Cheap and too wide: most identifiers hold none of these and are looked at no further. */
const suspicious = /@|ma[us]_|m87_|gv[stw]_|eyJ/;

/** False: the text may be recorded as it is. */
export const isSuspicious = (text: string): boolean => suspicious.test(text);

/**
 * An identifier as it may be recorded for ever: one that is somebody's address, or holds a key that a caller put into the
 * wrong field, is replaced by a keyed pseudonym, the same wherever it occurs. An address keeps its domain, which rules may
 * speak of.
 *
 * @example recordableText(pepper, 'production/DATABASE_URL') // the same
 */
export function recordableText(pepper: Pepper, text: string): string {
  if (!suspicious.test(text)) return text;
  if (text.includes('@')) return addressPseudonym(pepper, text);
  return maskSecrets(text) === text ? text : pseudonym(pepper, text);
}
