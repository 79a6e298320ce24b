import type { RetentionChanged } from '@gatehouse/contracts';
import type { Projection } from '@gatehouse/projection';

/** How long each kind is kept, where somebody said so; written with the event, so that whoever changed it reads it back. */
export const retentionProjection: Projection = {
  name: 'retention',
  version: 1,
  tables: ['retention'],
  types: ['retention.changed'],
  inline: true,
  apply: async (query, events) => {
    for (const { envelope } of events) {
      const { kind, days } = envelope.data as unknown as RetentionChanged;
      await query.query(
        `insert into retention (tenant_id, kind, days, revision) values ($1, $2, $3, $4)
         on conflict (kind) do update set days = excluded.days, revision = excluded.revision`,
        [envelope.tenantId, kind, days, envelope.revision],
      );
    }
  },
};
