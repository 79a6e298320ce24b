import type { CommandContext } from '@gatehouse/event-store';
import { asTenant, handle, type PostgresEventStore } from '@gatehouse/event-store';
import type pg from 'pg';
import { changedSettings, type SecretSettings, type SettingsChange, unset } from '../secret.js';

interface ConfigRow {
  readonly max_versions: number;
  readonly cas_required: boolean;
  readonly delete_version_after_seconds: string;
}

const stream = 'secret-config:defaults';

/** Defaults of a tenant's secrets. */
export class SecretConfigs {
  constructor(
    private readonly store: PostgresEventStore,
    private readonly pool: pg.Pool,
  ) {}

  async of(tenantId: string): Promise<SecretSettings> {
    const { rows } = await asTenant(this.pool, tenantId, (client) =>
      client.query<ConfigRow>('select * from secret_configs where tenant_id = $1', [tenantId]),
    );
    const row = rows[0];
    if (!row) return unset;
    return {
      maxVersions: row.max_versions,
      casRequired: row.cas_required,
      deleteVersionAfterSeconds: Number(row.delete_version_after_seconds),
    };
  }

  /** What is not given stays. */
  async put(change: SettingsChange, context: CommandContext): Promise<SecretSettings> {
    const { tenantId } = context;
    return this.store.together(tenantId, async (log, client) => {
      const { state } = await handle(
        log,
        { initialState: unset, evolve: (_, { data }) => data as unknown as SecretSettings },
        {
          streamId: stream,
          context,
          decide: (before) => {
            const after = changedSettings(before, change);
            const isSame = (Object.keys(unset) as (keyof SecretSettings)[]).every(
              (name) => after[name] === before[name],
            );
            return isSame ? [] : [{ type: 'secret.config_changed', version: 1, data: after }];
          },
        },
      );
      await client.query(
        `insert into secret_configs (tenant_id, max_versions, cas_required, delete_version_after_seconds)
         values ($1, $2, $3, $4) on conflict (tenant_id) do update set max_versions = excluded.max_versions,
           cas_required = excluded.cas_required, delete_version_after_seconds = excluded.delete_version_after_seconds`,
        [tenantId, state.maxVersions, state.casRequired, state.deleteVersionAfterSeconds],
      );
      return state;
    });
  }
}
