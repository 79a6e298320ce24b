import type { StaticRoleWritten } from '@gatehouse/contracts';
import type { Projection } from '@gatehouse/projection';

type Query = Parameters<Projection['apply']>[0];

const put = (query: Query, values: readonly unknown[]) =>
  query.query(
    `insert into database_entries (tenant_id, kind, name, database) values ($1, $2, $3, $4)
     on conflict (tenant_id, kind, name) do update set database = excluded.database`,
    [...values],
  );

const remove = (query: Query, values: readonly unknown[]) =>
  query.query('delete from database_entries where tenant_id = $1 and kind = $2 and name = $3', [...values]);

/** A rotation is due a period after the last one; the events say when that is. */
const rotateAt = (query: Query, tenantId: string, name: string, at: string) =>
  query.query(
    `update database_entries set rotate_at = $3 where tenant_id = $1 and kind = 'static-role' and name = $2`,
    [tenantId, name, at],
  );

/** Names of databases, roles and static roles. Written in the transaction of the events. */
export const databaseEntriesProjection: Projection = {
  name: 'database_entries',
  version: 1,
  tables: ['database_entries'],
  types: [
    'database.configured',
    'database.removed',
    'database_role.written',
    'database_role.removed',
    'static_role.written',
    'static_role.rotation_started',
    'static_role.rotated',
    'static_role.removed',
  ],
  inline: true,
  apply: async (query, events) => {
    for (const { envelope } of events) {
      const { tenantId, data, occurredAt, type } = envelope;
      const name = String(data.name);
      if (type === 'database.configured') await put(query, [tenantId, 'database', name, name]);
      if (type === 'database.removed') await remove(query, [tenantId, 'database', name]);
      if (type === 'database_role.written') await put(query, [tenantId, 'role', name, data.database]);
      if (type === 'database_role.removed') await remove(query, [tenantId, 'role', name]);
      if (type === 'static_role.removed') await remove(query, [tenantId, 'static-role', name]);
      if (type === 'static_role.rotation_started') await rotateAt(query, tenantId, name, occurredAt);
      if (type === 'static_role.rotated') await rotateAt(query, tenantId, name, String(data.nextAt));
      if (type === 'static_role.written') {
        const { database } = data as StaticRoleWritten;
        await put(query, [tenantId, 'static-role', name, database]);
        await rotateAt(query, tenantId, name, String(data.nextAt));
      }
    }
  },
};
