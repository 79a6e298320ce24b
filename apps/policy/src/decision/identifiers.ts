import type { Entity } from '@gatehouse/contracts';
import { type Pepper, pseudonym } from '@gatehouse/crypto';
import { maskSecrets } from '@gatehouse/telemetry';

/** Cheap and too wide: most identifiers hold none of these and are looked at no further. */
const suspicious = /@|ma[us]_|m87_|eyJ/;

const mustNotStand = (id: string): boolean => suspicious.test(id) && (id.includes('@') || maskSecrets(id) !== id);

/**
 * Identifiers are recorded for ever, so one that is somebody's address, or a key that a caller put into the wrong
 * field, must not be: it is replaced by a keyed pseudonym, the same in grants, decisions and searches.
 */
export const recordable = (pepper: Pepper, entity: Entity): Entity =>
  mustNotStand(entity.id) ? { type: entity.type, id: pseudonym(pepper, entity.id) } : entity;
