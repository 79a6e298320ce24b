import type { AlertSettingsChanged } from '@gatehouse/contracts';
import type { Query } from '@gatehouse/event-store';
import type { Projection } from '@gatehouse/projection';
import { type AlertSettings, defaultSettings } from '../kinds.js';

export const alertSettingsStream = (tenantId: string): string => `alert-settings:${tenantId}`;

export const alertSettingsProjection: Projection = {
  name: 'alert_settings',
  version: 1,
  tables: ['alert_settings'],
  types: ['alert_settings.changed'],
  inline: true,
  apply: async (client, events) => {
    for (const { envelope } of events)
      await client.query(
        `insert into alert_settings (tenant_id, settings, revision) values ($1, $2, $3)
         on conflict (tenant_id) do update set settings = excluded.settings, revision = excluded.revision`,
        [envelope.tenantId, JSON.stringify(envelope.data), envelope.revision],
      );
  },
};

/** The tenant's settings, or ours where it has none. @param client inside a transaction of that tenant */
export async function readSettings(client: Pick<Query, 'query'>, tenantId: string): Promise<AlertSettings> {
  const { rows } = await client.query<{ settings: AlertSettingsChanged }>(
    'select settings from alert_settings where tenant_id = $1',
    [tenantId],
  );
  return rows[0]?.settings ?? defaultSettings;
}
