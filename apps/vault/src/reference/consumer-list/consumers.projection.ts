import type { ConsumerMounted, ConsumerRegistered } from '@gatehouse/contracts';
import type { ProjectedEvent, Projection } from '@gatehouse/projection';

type Query = Parameters<Projection['apply']>[0];

/** Written in the transaction of the events, so that a consumer reads back what it registered. */
export const consumersProjection: Projection = {
  name: 'consumers',
  version: 1,
  tables: ['consumers', 'consumer_references'],
  types: ['consumer.registered', 'consumer.mounted', 'consumer.forgotten'],
  inline: true,
  apply: async (query, events) => {
    for (const { envelope } of events) {
      if (envelope.type === 'consumer.registered') await register(query, envelope);
      else if (envelope.type === 'consumer.mounted') await mount(query, envelope);
      else await forget(query, envelope);
    }
  },
};

async function register(query: Query, envelope: ProjectedEvent['envelope']): Promise<void> {
  const { tenantId, streamId, revision, actor, occurredAt } = envelope;
  const { kind, id, scope, references } = envelope.data as unknown as ConsumerRegistered;
  await query.query(
    `insert into consumers (tenant_id, stream_id, kind, consumer_id, scope, registered_at, registered_by_type,
       registered_by_id, revision) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     on conflict (tenant_id, stream_id) do update set registered_at = excluded.registered_at,
       registered_by_type = excluded.registered_by_type, registered_by_id = excluded.registered_by_id,
       revision = excluded.revision`,
    [tenantId, streamId, kind, id, scope, occurredAt, actor.type, actor.id, revision],
  );
  const secrets = references.map(({ secret }) => secret);
  await query.query(
    'delete from consumer_references where tenant_id = $1 and stream_id = $2 and secret_stream <> all($3)',
    [tenantId, streamId, secrets],
  );
  await query.query(
    `insert into consumer_references (tenant_id, stream_id, secret_stream, path)
     select $1, $2, secret, path from unnest($3::text[], $4::text[]) as t(secret, path)
     on conflict (tenant_id, stream_id, secret_stream) do nothing`,
    [tenantId, streamId, secrets, references.map(({ path }) => path)],
  );
}

async function mount(query: Query, envelope: ProjectedEvent['envelope']): Promise<void> {
  const { tenantId, streamId, revision, occurredAt } = envelope;
  const { secrets } = envelope.data as unknown as ConsumerMounted;
  await query.query(
    `update consumer_references r set mounted_version = t.version, mounted_at = $5
     from unnest($3::text[], $4::integer[]) as t(secret, version)
     where r.tenant_id = $1 and r.stream_id = $2 and r.secret_stream = t.secret`,
    [tenantId, streamId, secrets.map(({ secret }) => secret), secrets.map(({ version }) => version), occurredAt],
  );
  await query.query('update consumers set revision = $3 where tenant_id = $1 and stream_id = $2', [
    tenantId,
    streamId,
    revision,
  ]);
}

async function forget(query: Query, { tenantId, streamId }: ProjectedEvent['envelope']): Promise<void> {
  for (const table of ['consumer_references', 'consumers'])
    await query.query(`delete from ${table} where tenant_id = $1 and stream_id = $2`, [tenantId, streamId]);
}
