import type { Envelope, PolicyActivated, PolicyDrafted, PolicySettingsChanged } from '@gatehouse/contracts';
import type { Projection } from '@gatehouse/projection';

type Query = Parameters<Projection['apply']>[0];

/** Every version of a tenant, and which one decides. Written in the transaction of the events. */
export const versionListProjection: Projection = {
  name: 'policy_versions',
  version: 1,
  tables: ['policy_versions', 'active_policies'],
  types: ['policy.drafted', 'policy.activated', 'policy.settings_changed'],
  inline: true,
  apply: async (query, events) => {
    for (const { envelope } of events) await writes[envelope.type]?.(query, envelope);
  },
};

const writes: Readonly<Record<string, (query: Query, envelope: Envelope) => Promise<unknown>>> = {
  'policy.drafted': (query, { tenantId, actor, occurredAt, data }) => {
    const { digest, title, bytes } = data as unknown as PolicyDrafted;
    return query.query(
      `insert into policy_versions (tenant_id, digest, title, bytes, drafted_by_type, drafted_by_id, drafted_at)
       values ($1, $2, $3, $4, $5, $6, $7)`,
      [tenantId, digest, title, bytes, actor.type, actor.id, occurredAt],
    );
  },
  'policy.activated': async (query, { tenantId, occurredAt, data }) => {
    const { digest } = data as unknown as PolicyActivated;
    await query.query('update policy_versions set activated_at = $3 where tenant_id = $1 and digest = $2', [
      tenantId,
      digest,
      occurredAt,
    ]);
    await query.query(
      `insert into active_policies (tenant_id, digest, mode, four_eyes) values ($1, $2, 'strict', false)
       on conflict (tenant_id) do update set digest = excluded.digest`,
      [tenantId, digest],
    );
  },
  'policy.settings_changed': (query, { tenantId, data }) => {
    const { mode, fourEyes } = data as unknown as PolicySettingsChanged;
    return query.query(
      `insert into active_policies (tenant_id, mode, four_eyes) values ($1, $2, $3)
       on conflict (tenant_id) do update set mode = excluded.mode, four_eyes = excluded.four_eyes`,
      [tenantId, mode, fourEyes],
    );
  },
};
