import type { EntityDescribed, EntityForgotten } from '@gatehouse/contracts';
import type { Projection } from '@gatehouse/projection';

/** What is known now: loaded into memory at start, and listed. */
export const entityListProjection: Projection = {
  name: 'entities',
  version: 1,
  tables: ['entities'],
  types: ['entity.described', 'entity.forgotten'],
  inline: true,
  apply: async (query, events) => {
    for (const { envelope } of events) {
      const { tenantId, revision, actor, occurredAt, data } = envelope;
      if (envelope.type === 'entity.forgotten') {
        const { entity } = data as unknown as EntityForgotten;
        await query.query({
          name: 'forget-entity',
          text: 'delete from entities where tenant_id = $1 and entity_type = $2 and entity_id = $3',
          values: [tenantId, entity.type, entity.id],
        });
        continue;
      }
      const { entity, labels, properties, parents, owner } = data as unknown as EntityDescribed;
      await query.query({
        name: 'describe-entity',
        text: `insert into entities (tenant_id, entity_type, entity_id, labels, properties, parents, owner_type, owner_id,
                 revision, described_by_type, described_by_id, described_at)
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
               on conflict (tenant_id, entity_type, entity_id) do update set labels = excluded.labels,
                 properties = excluded.properties, parents = excluded.parents, owner_type = excluded.owner_type,
                 owner_id = excluded.owner_id, revision = excluded.revision,
                 described_by_type = excluded.described_by_type, described_by_id = excluded.described_by_id,
                 described_at = excluded.described_at`,
        values: [
          ...[tenantId, entity.type, entity.id],
          ...[JSON.stringify(labels), JSON.stringify(properties), JSON.stringify(parents)],
          ...[owner?.type ?? null, owner?.id ?? null, revision, actor.type, actor.id, occurredAt],
        ],
      });
    }
  },
};
