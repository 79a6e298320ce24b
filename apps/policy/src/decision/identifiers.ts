import type { Entity } from '@gatehouse/contracts';
import { type Pepper, pseudonym } from '@gatehouse/crypto';
import { maskSecrets } from '@gatehouse/telemetry';

/** Cheap and too wide: most identifiers hold none of these and are looked at no further. */
const suspicious = /@|ma[us]_|m87_|eyJ/;

const mustNotStand = (text: string): boolean =>
  suspicious.test(text) && (text.includes('@') || maskSecrets(text) !== text);

const recordableText = (pepper: Pepper, text: string): string => (mustNotStand(text) ? pseudonym(pepper, text) : text);

/**
 * Identifiers are recorded for ever, so one that is somebody's address, or a key that a caller put into the wrong
 * field, must not be: it is replaced by a keyed pseudonym, the same in grants, decisions and searches.
 */
export const recordable = (pepper: Pepper, { type, id }: Entity): Entity => ({
  type: recordableText(pepper, type),
  id: recordableText(pepper, id),
});
