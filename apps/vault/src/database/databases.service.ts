import type { DatabaseConfigured } from '@gatehouse/contracts';
import {
  type CommandContext,
  type EventStore,
  fold,
  handle,
  type NewEvent,
  type PostgresEventStore,
} from '@gatehouse/event-store';
import { ProblemError } from '@gatehouse/http';
import type pg from 'pg';
import type { Keyring } from '../key/keyring.js';
import type { TargetReach } from './connection-url.js';
import { type Database, databaseDecider, databaseEvent, databaseStream, isPending } from './database.js';
import { type DatabaseSecret, forgetSecrets, openSecret } from './database-secrets.js';
import { scramVerifier } from './password.js';
import { ownContext } from './permission.js';
import { type TargetIdentity, type TargetLogin, withTarget } from './target-connection.js';
import { TargetError } from './target-error.js';
import { setPassword } from './target-roles.js';

export interface DatabasesOptions {
  readonly store: PostgresEventStore;
  readonly keyring: Keyring;
  /** Connections of the request role. */
  readonly pool: pg.Pool;
  readonly reach: TargetReach;
}

type Configured = Extract<Database, { status: 'configured' }>;
type Work<T> = (client: pg.Client, identity: TargetIdentity) => Promise<T>;

/** The targets: where they are, how to log in there, and that they are the ones they were. */
export class Databases {
  readonly #options: DatabasesOptions;

  constructor(options: DatabasesOptions) {
    this.#options = options;
  }

  /** @throws ProblemError `not_found` */
  async configured(tenantId: string, name: string): Promise<Configured> {
    const state = await this.state(tenantId, name);
    if (state.status !== 'configured') throw new ProblemError('not_found', 'There is no such database');
    return state;
  }

  /**
   * Works in the target, as the server that it was when it was configured. Finishes a change of our own password first.
   *
   * @throws TargetError; ProblemError `not_found`, `sealed`
   */
  async with<T>(tenantId: string, name: string, work: Work<T>, database?: string): Promise<T> {
    const state = await this.configured(tenantId, name);
    const { config, secretVersion, pending } = state;
    const run = async (version: number, does: Work<T>) =>
      withTarget(
        { ...(await this.#login(tenantId, config, version)), ...(database !== undefined && { database }) },
        this.#options.reach,
        does,
      );
    if (pending === undefined) return run(secretVersion, work);
    try {
      return await run(pending, async (client, identity) => {
        await this.#confirmRoot(tenantId, config, pending);
        return work(client, identity);
      });
    } catch (error) {
      if (!(error instanceof TargetError) || error.code !== 'login_refused') throw error;
    }
    await withTarget(await this.#login(tenantId, config, secretVersion), this.#options.reach, async (client) => {
      const { username } = config;
      const password = await this.stored(config, (await this.secret(tenantId, config.databaseId, pending)).password);
      const isWanted = async () => isPending(await this.state(tenantId, name), pending);
      await setPassword(client, { username, password, statements: [], isWanted });
    });
    await this.#confirmRoot(tenantId, config, pending);
    // With what counts by now: somebody else may have changed it again.
    return this.with(tenantId, name, work, database);
  }

  /**
   * For the rest of the transaction of `client`, the database stays the server that it is: who removes it or leads it elsewhere waits.
   *
   * @param log the transaction's
   * @throws ProblemError `conflict` where it is another one by now
   */
  async hold(client: pg.PoolClient, log: EventStore, tenantId: string, of: { name: string; targetId: string }) {
    await lockDatabase(client, tenantId, of.name, 'share');
    const state = fold(databaseDecider, (await log.read(tenantId, databaseStream(of.name))).events);
    if (state.status !== 'configured' || state.config.targetId !== of.targetId)
      throw new ProblemError('conflict', 'The database was changed meanwhile: ask again');
  }

  /** A password as statements are to have it. */
  stored({ passwordAuthentication }: DatabaseConfigured, password: string): Promise<string> {
    return passwordAuthentication === 'password' ? Promise.resolve(password) : scramVerifier(password);
  }

  /** Says once that a target cannot be reached, and once that it can be again. */
  async report(
    tenantId: string,
    name: string,
    problem: { error: string; failures: number } | undefined,
  ): Promise<void> {
    await this.append(this.#options.store, name, ownContext(tenantId), (state) => {
      if (state.status !== 'configured' || state.unreachable === (problem !== undefined)) return [];
      return [
        problem
          ? databaseEvent('database.unreachable', { name, ...problem })
          : databaseEvent('database.reachable', { name }),
      ];
    });
  }

  async #confirmRoot(tenantId: string, { name, databaseId }: DatabaseConfigured, version: number): Promise<void> {
    await this.#options.store.together(tenantId, async (log, client) => {
      const { events } = await this.append(log, name, ownContext(tenantId), (state) =>
        isPending(state, version) ? [databaseEvent('database.root_rotated', { name, secretVersion: version })] : [],
      );
      // Whoever comes late knows nothing of the versions that came since.
      if (events.length > 0) await forgetSecrets(client, tenantId, databaseId, version);
    });
  }

  async #login(tenantId: string, config: DatabaseConfigured, version: number): Promise<TargetLogin> {
    const { password, tlsKey } = await this.secret(tenantId, config.databaseId, version);
    return { ...config, password, tlsKey };
  }

  /** Our login there. @throws ProblemError `sealed` */
  secret(tenantId: string, ownerId: string, version: number): Promise<DatabaseSecret> {
    return openSecret(this.#options.keyring, this.#options.pool, { tenantId, ownerId, version });
  }

  async state(tenantId: string, name: string): Promise<Database> {
    const { events } = await this.#options.store.read(tenantId, databaseStream(name));
    return events.reduce(databaseDecider.evolve, databaseDecider.initialState);
  }

  /** Appends what follows from the state, in `log`: the store, or a transaction of it. */
  append(log: EventStore, name: string, context: CommandContext, decide: (state: Database) => readonly NewEvent[]) {
    return handle(log, databaseDecider, { streamId: databaseStream(name), context, decide });
  }
}

/** Until the transaction ends: leases are begun under `share`, and the database is changed under `update`. */
export async function lockDatabase(client: pg.PoolClient, tenantId: string, name: string, mode: 'share' | 'update') {
  await client.query(
    `select from database_entries where tenant_id = $1 and kind = 'database' and name = $2 for ${mode}`,
    [tenantId, name],
  );
}
