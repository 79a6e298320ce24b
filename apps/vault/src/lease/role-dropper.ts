import { fold, handle, type PostgresEventStore } from '@gatehouse/event-store';
import type pg from 'pg';
import type { DatabaseRoles } from '../database/database-roles.service.js';
import type { Databases } from '../database/databases.service.js';
import { ownContext } from '../database/permission.js';
import { dropRole } from '../database/target-roles.js';
import { type LeaseTerms, leaseDecider, leaseStream } from './lease.js';
import { concludeRevoked } from './lease-commands.js';

export interface RoleDropperOptions {
  readonly store: PostgresEventStore;
  readonly databases: Databases;
  readonly roles: DatabaseRoles;
  readonly onError: (error: Error) => void;
}

/** Ends accounts of leases whose revocation is recorded. */
export class RoleDropper {
  readonly #options: RoleDropperOptions;

  constructor(options: RoleDropperOptions) {
    this.#options = options;
  }

  /** @throws TargetError */
  async drop(client: pg.Client, tenantId: string, { username, role, database }: LeaseTerms): Promise<void> {
    const { databases, roles } = this.#options;
    const written = await roles.find(tenantId, role);
    await dropRole(client, {
      username,
      statements: written?.database === database ? written.revocationStatements : [],
      elsewhere: (other, work) => databases.with(tenantId, database, work, other),
    });
  }

  /** Does it now if it can be done now. What fails is the keeper's. */
  async tryNow(tenantId: string, leaseId: string): Promise<void> {
    const { store, databases, onError } = this.#options;
    try {
      const streamId = leaseStream(leaseId);
      const lease = fold(leaseDecider, (await store.read(tenantId, streamId)).events);
      if (lease.status !== 'revoking') return;
      const { terms } = lease;
      await databases.with(tenantId, terms.database, (client) => this.drop(client, tenantId, terms));
      await handle(store, leaseDecider, {
        streamId,
        context: ownContext(tenantId),
        decide: concludeRevoked(leaseId, 'dropped'),
      });
    } catch (error) {
      onError(error as Error);
    }
  }
}
