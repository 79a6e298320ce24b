import type { Envelope, RelationshipMade } from '@gatehouse/contracts';
import type { Decider, NewEvent } from '@gatehouse/event-store';
import { digestOfNames } from '../entity.js';

/** One subject standing in one relation to one resource. */
export type RelationshipState = { readonly status: 'none' | 'made' | 'ended' };

export const relationshipDecider: Decider<RelationshipState> = {
  initialState: { status: 'none' },
  evolve: (state, { type }: Envelope): RelationshipState => {
    if (type === 'relationship.made') return { status: 'made' };
    return type === 'relationship.ended' ? { status: 'ended' } : state;
  },
};

export const relationshipIdOf = ({ subject, relation, resource }: RelationshipMade): string =>
  digestOfNames([subject.type, subject.id, relation, resource.type, resource.id]);

export const relationshipStream = (relationship: RelationshipMade): string =>
  `relationship:${relationshipIdOf(relationship)}`;

export const makeRelationship =
  (relationship: RelationshipMade) =>
  ({ status }: RelationshipState): readonly NewEvent[] =>
    status === 'made' ? [] : [{ type: 'relationship.made', version: 1, data: relationship }];

export const endRelationship =
  (relationship: RelationshipMade) =>
  ({ status }: RelationshipState): readonly NewEvent[] =>
    status === 'made' ? [{ type: 'relationship.ended', version: 1, data: relationship }] : [];
