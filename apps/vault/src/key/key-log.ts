import type { VaultKeyEvent } from '@gatehouse/contracts';
import {
  type CommandContext,
  type Decider,
  handle,
  inTransaction,
  type PostgresEventStore,
} from '@gatehouse/event-store';
import type pg from 'pg';

/** The channel on which replicas learn that keys or seals changed. */
export const keyChannel = 'gatehouse_vault_key_changes';

export const sealStream = 'seal:vault';
export const tenantKeyStream = 'tenant-key:data';

/** Keys cannot be folded from events, which hold none: their tables are the truth, and the log says what was done to them. */
const recordOnly: Decider<null> = { initialState: null, evolve: () => null };

/** What the vault does by itself: it makes a key that is missing, it ends a rotation. */
export const byVault = (tenantId: string): CommandContext => ({
  tenantId,
  actor: { type: 'service', id: 'vault' },
  now: Date.now(),
  correlationId: '',
});

export interface KeyLogOptions {
  readonly pool: pg.Pool;
  readonly store: PostgresEventStore;
  /** In whose log stands what concerns the whole vault. */
  readonly operatorTenant: string;
}

export interface KeyChange {
  readonly client: pg.PoolClient;
  /** Adds an event to the transaction. */
  record(streamId: string, context: CommandContext, type: VaultKeyEvent, data: object): Promise<void>;
  /** Tells every replica, with the commit. */
  announce(): Promise<void>;
}

/** Changes of keys and seals: rows, events and the word to the other replicas in one transaction. */
export class KeyLog {
  constructor(private readonly options: KeyLogOptions) {}

  get operatorTenant(): string {
    return this.options.operatorTenant;
  }

  change<T>(work: (change: KeyChange) => Promise<T>): Promise<T> {
    const { pool, store } = this.options;
    // COMMIT POINT of whatever `work` does.
    return inTransaction(pool, (client) =>
      work({
        client,
        record: async (streamId, context, type, data) => {
          const decide = () => [{ type, version: 1, data }];
          await handle(store.within(client), recordOnly, { streamId, context, decide });
        },
        announce: async () => {
          await client.query('update seal_state set generation = generation + 1');
          await client.query('select pg_notify($1, $2)', [keyChannel, '']);
        },
      }),
    );
  }
}

/** One change of seals or root keys at a time, in the whole database. */
export async function lockSeal(client: pg.PoolClient): Promise<{ readonly sealed: boolean }> {
  const { rows } = await client.query<{ sealed: boolean }>('select sealed from seal_state for update');
  return rows[0] as { sealed: boolean };
}
