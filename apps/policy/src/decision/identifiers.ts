import type { Entity } from '@gatehouse/contracts';
import { type Pepper, pseudonym } from '@gatehouse/crypto';

/**
 * Identifiers are recorded for ever, so one that is somebody's address must not be: it is replaced by a keyed
 * pseudonym, the same in grants, decisions and searches. Opaque ids pass unchanged.
 */
export const recordable = (pepper: Pepper, entity: Entity): Entity =>
  entity.id.includes('@') ? { type: entity.type, id: pseudonym(pepper, entity.id) } : entity;
