import { createHash } from 'node:crypto';
import type { Entity, EntityDescribed, Envelope } from '@gatehouse/contracts';
import type { Decider } from '@gatehouse/event-store';

/** What is known of one subject or resource. */
export type DescribedEntity =
  | { readonly status: 'unknown' }
  | { readonly status: 'described'; readonly facts: EntityDescribed }
  | { readonly status: 'forgotten' };

export const entityDecider: Decider<DescribedEntity> = {
  initialState: { status: 'unknown' },
  evolve: (state, event: Envelope): DescribedEntity => {
    if (event.type === 'entity.described')
      return { status: 'described', facts: event.data as unknown as EntityDescribed };
    return event.type === 'entity.forgotten' ? { status: 'forgotten' } : state;
  },
};

/** 132 bits of SHA-256 over the names: names may hold what a stream id may not. */
export const digestOfNames = (names: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(names)).digest('base64url').slice(0, 22);

export const entityStream = ({ type, id }: Entity): string => `entity:${digestOfNames([type, id])}`;
