import { randomUUID } from 'node:crypto';
import type { SealedValue } from '@gatehouse/crypto';
import { type CommandContext, handle, type PostgresEventStore, type Query } from '@gatehouse/event-store';
import type { Keyring } from '../key/keyring.js';
import { configPlace } from './config-place.js';
import { recordableSettings } from './recordable-settings.js';

export type ConfiguredMethod = 'jwt' | 'kubernetes';

export interface LoginConfig<S = Readonly<Record<string, unknown>>> {
  readonly tenantId: string;
  readonly method: ConfiguredMethod;
  /** Another one with every change. */
  readonly configId: string;
  readonly settings: S;
  readonly sealed: SealedValue | undefined;
}

interface Row {
  readonly config_id: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly ciphertext: Buffer | null;
  readonly wrapped_key: Buffer;
  readonly key_version: number;
}

const anyState = { initialState: null, evolve: () => null };

/** How each tenant checks the tokens that programs log in with. */
export class LoginConfigs {
  constructor(
    private readonly store: PostgresEventStore,
    private readonly system: Query,
    private readonly keyring: Keyring,
  ) {}

  async find(tenantId: string, method: ConfiguredMethod): Promise<LoginConfig | undefined> {
    const { rows } = await this.system.query<Row>({
      name: 'login-config',
      text: `select config_id, settings, ciphertext, wrapped_key, key_version from login_configs
        where tenant_id = $1 and method = $2`,
      values: [tenantId, method],
    });
    const [row] = rows;
    if (!row) return undefined;
    const { config_id: configId, settings, ciphertext, wrapped_key: wrappedKey, key_version: keyVersion } = row;
    const sealed = ciphertext ? { algorithm: 'A256GCM' as const, ciphertext, wrappedKey, keyVersion } : undefined;
    return { tenantId, method, configId, settings, sealed };
  }

  /** The secret part: empty where none was given. @throws ProblemError `sealed`; CryptoError */
  async secretOf({ tenantId, configId, sealed }: LoginConfig): Promise<string> {
    return sealed ? (await this.keyring.open(configPlace(tenantId, configId), sealed)).toString('utf8') : '';
  }

  /** Replaces the whole configuration. */
  async write(
    config: Pick<LoginConfig, 'tenantId' | 'method' | 'settings'>,
    secret: string,
    context: CommandContext,
  ): Promise<void> {
    const { tenantId, method, settings } = config;
    const configId = randomUUID();
    await this.store.together(tenantId, async (log, client) => {
      const place = configPlace(tenantId, configId);
      const sealed = secret === '' ? undefined : await this.keyring.seal(place, Buffer.from(secret, 'utf8'));
      await client.query(
        `insert into login_configs (tenant_id, method, config_id, settings, ciphertext, wrapped_key, key_version)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (tenant_id, method) do update set config_id = excluded.config_id, settings = excluded.settings,
           ciphertext = excluded.ciphertext, wrapped_key = excluded.wrapped_key, key_version = excluded.key_version`,
        [
          ...[tenantId, method, configId, settings],
          ...[sealed?.ciphertext ?? null, sealed?.wrappedKey ?? null, sealed?.keyVersion ?? null],
        ],
      );
      const data = { configId, method, settings: recordableSettings(settings) };
      await handle(log, anyState, {
        streamId: `login-config:${configId}`,
        context,
        decide: () => [{ type: 'login_config.written', version: 1, data }],
      });
    });
  }
}
