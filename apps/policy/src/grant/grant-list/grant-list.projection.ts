import type { RoleGranted } from '@gatehouse/contracts';
import type { Projection } from '@gatehouse/projection';

/** Written in the transaction of the events, so that a grant is there for whoever was told of it. */
export const grantListProjection: Projection = {
  name: 'grants',
  version: 1,
  tables: ['grants'],
  types: ['role.granted', 'role.revoked'],
  inline: true,
  apply: async (query, events) => {
    for (const { envelope } of events) {
      const { tenantId, revision, actor, occurredAt } = envelope;
      if (envelope.type === 'role.granted') {
        const { grantId, subject, role, scope } = envelope.data as unknown as RoleGranted;
        await query.query(
          `insert into grants (tenant_id, grant_id, subject_type, subject_id, role, scope, active, revision,
             granted_by_type, granted_by_id, granted_at) values ($1, $2, $3, $4, $5, $6, true, $7, $8, $9, $10)
           on conflict (tenant_id, grant_id) do update set active = true, revision = excluded.revision,
             granted_by_type = excluded.granted_by_type, granted_by_id = excluded.granted_by_id,
             granted_at = excluded.granted_at`,
          [tenantId, grantId, subject.type, subject.id, role, scope, revision, actor.type, actor.id, occurredAt],
        );
      } else {
        await query.query('update grants set active = false, revision = $3 where tenant_id = $1 and grant_id = $2', [
          tenantId,
          envelope.data.grantId,
          revision,
        ]);
      }
    }
  },
};
