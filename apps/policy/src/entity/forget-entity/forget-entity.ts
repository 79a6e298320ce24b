import type { Entity } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import type { DescribedEntity } from '../entity.js';

/** Nothing is known of it afterwards; grants and relationships on its name stay, for they are facts of their own. */
export const forgetEntity =
  (entity: Entity) =>
  ({ status }: DescribedEntity): readonly NewEvent[] =>
    status === 'described' ? [{ type: 'entity.forgotten', version: 1, data: { entity } }] : [];
