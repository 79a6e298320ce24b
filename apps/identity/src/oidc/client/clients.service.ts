import { randomBytes } from 'node:crypto';
import { keyFingerprint, type Pepper } from '@gatehouse/crypto';
import { asTenant } from '@gatehouse/event-store';
import type pg from 'pg';
import type { ClientFacts } from './client.js';
import type { ClientRow } from './client-rows.projection.js';

/** A new secret: 32 random bytes in base64url behind a prefix that scanners find. */
export const newClientSecret = (): string => `gcs_${randomBytes(32).toString('base64url')}`;

/** All that is kept of a client's secret: base64 of its HMAC. */
export const secretFingerprint = (pepper: Pepper, secret: string): string =>
  keyFingerprint(pepper, `oauth-client:${secret}`).toString('base64');

/** Registered clients: for the provider across tenants, for the API within one. */
export class Clients {
  constructor(
    private readonly system: pg.Pool,
    private readonly request: pg.Pool,
  ) {}

  /** A client that was not removed, whoever's it is. */
  async byId(clientId: string): Promise<ClientFacts | undefined> {
    if (!/^[0-9a-f-]{36}$/.test(clientId)) return undefined;
    const { rows } = await this.system.query<ClientRow>(
      'select client, revision from oauth_clients where client_id = $1 and not removed',
      [clientId],
    );
    return rows[0]?.client;
  }

  async inTenant(tenantId: string, clientId: string): Promise<ClientRow | undefined> {
    const rows = await this.#rows(tenantId, 'and client_id = $2', [clientId]);
    return rows[0];
  }

  /** A page of a tenant's clients, oldest first. */
  list(tenantId: string, after: string | undefined, limit: number): Promise<readonly ClientRow[]> {
    const start = after ?? '00000000-0000-0000-0000-000000000000';
    return this.#rows(tenantId, 'and client_id > $2 order by client_id limit $3', [start, limit]);
  }

  #rows(tenantId: string, more: string, values: readonly unknown[]): Promise<readonly ClientRow[]> {
    return asTenant(this.request, tenantId, async (client) => {
      const { rows } = await client.query<ClientRow>(
        `select client, revision from oauth_clients where tenant_id = $1 and not removed ${more}`,
        [tenantId, ...values],
      );
      return rows;
    });
  }
}
