import type { DatabaseRoleWritten } from '@gatehouse/contracts';
import { fold, handle, type PostgresEventStore } from '@gatehouse/event-store';
import { type Authorize, ProblemError } from '@gatehouse/http';
import type { Asker } from '../asker.js';
import { databaseRoleDecider, databaseRoleStream } from './database.js';
import type { RoleInput } from './database-input.js';
import type { Databases } from './databases.service.js';
import { permitted } from './permission.js';

/** What credentials are made by: statements and times, by name. */
export class DatabaseRoles {
  readonly #store: PostgresEventStore;
  readonly #databases: Databases;

  constructor(store: PostgresEventStore, databases: Databases) {
    this.#store = store;
    this.#databases = databases;
  }

  /** Undefined where there is none, or none any more. */
  async find(tenantId: string, name: string): Promise<DatabaseRoleWritten | undefined> {
    const { events } = await this.#store.read(tenantId, databaseRoleStream(name));
    const state = fold(databaseRoleDecider, events);
    return state.status === 'written' ? state.role : undefined;
  }

  async view(authorize: Authorize, asker: Asker, name: string): Promise<DatabaseRoleWritten> {
    await permitted(authorize, asker, 'database.read', `database-role/${name}`);
    const role = await this.find(asker.caller.tenantId, name);
    if (!role) throw new ProblemError('not_found', 'There is no such role');
    return role;
  }

  /** @throws ProblemError `not_found` for a database that is not there */
  async write(authorize: Authorize, asker: Asker, name: string, input: RoleInput): Promise<void> {
    const context = await permitted(authorize, asker, 'database.write', `database-role/${name}`);
    await this.#databases.configured(context.tenantId, input.db_name);
    const role: DatabaseRoleWritten = {
      name,
      database: input.db_name,
      creationStatements: input.creation_statements,
      revocationStatements: input.revocation_statements,
      renewStatements: input.renew_statements,
      defaultTtlSeconds: input.default_ttl,
      maxTtlSeconds: input.max_ttl,
    };
    await handle(this.#store, databaseRoleDecider, {
      streamId: databaseRoleStream(name),
      context,
      decide: () => [{ type: 'database_role.written', version: 1, data: role }],
    });
  }

  /** Leases made by it stay what they are; they end by the steps of the vault alone. */
  async remove(authorize: Authorize, asker: Asker, name: string): Promise<void> {
    const context = await permitted(authorize, asker, 'database.write', `database-role/${name}`);
    await handle(this.#store, databaseRoleDecider, {
      streamId: databaseRoleStream(name),
      context,
      decide: ({ status }) =>
        status === 'written' ? [{ type: 'database_role.removed', version: 1, data: { name } }] : [],
    });
  }
}
