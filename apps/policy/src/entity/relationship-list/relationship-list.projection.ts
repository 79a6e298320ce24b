import type { RelationshipMade } from '@gatehouse/contracts';
import type { Projection } from '@gatehouse/projection';
import { relationshipIdOf } from '../relationship/relationship.js';

/** Who stands in which relation to what now: loaded into memory at start, and listed. */
export const relationshipListProjection: Projection = {
  name: 'relationships',
  version: 1,
  tables: ['relationships'],
  types: ['relationship.made', 'relationship.ended'],
  inline: true,
  apply: async (query, events) => {
    for (const { envelope } of events) {
      const { tenantId, revision, actor, occurredAt } = envelope;
      const relationship = envelope.data as unknown as RelationshipMade;
      const id = relationshipIdOf(relationship);
      if (envelope.type === 'relationship.ended') {
        await query.query({
          name: 'end-relationship',
          text: 'delete from relationships where tenant_id = $1 and relationship_id = $2',
          values: [tenantId, id],
        });
        continue;
      }
      const { subject, relation, resource } = relationship;
      await query.query({
        name: 'make-relationship',
        text: `insert into relationships (tenant_id, relationship_id, subject_type, subject_id, relation, resource_type,
                 resource_id, revision, made_by_type, made_by_id, made_at)
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
               on conflict (tenant_id, relationship_id) do update set revision = excluded.revision,
                 made_by_type = excluded.made_by_type, made_by_id = excluded.made_by_id, made_at = excluded.made_at`,
        values: [
          ...[tenantId, id, subject.type, subject.id, relation, resource.type, resource.id],
          ...[revision, actor.type, actor.id, occurredAt],
        ],
      });
    }
  },
};
