import type { AudienceAccess } from '@gatehouse/contracts';
import { asTenant, type Query } from '@gatehouse/event-store';
import type pg from 'pg';

export interface AudienceRow {
  readonly tenantId: string;
  readonly name: string;
  readonly status: 'active' | 'inactive';
  readonly reason: string | null;
  readonly access: AudienceAccess;
  readonly guests: boolean;
  readonly showsEmail: boolean;
  readonly createdAt: Date;
  readonly revision: number;
}

const columns = `tenant_id as "tenantId", name, status, reason, access, guests, shows_email as "showsEmail",
  created_at as "createdAt", revision`;

/** Looks audiences up: those of one tenant on the request role, by name across tenants on the system role. */
export class Audiences {
  readonly #request: pg.Pool;
  readonly #system: pg.Pool;

  constructor(request: pg.Pool, system: pg.Pool) {
    this.#request = request;
    this.#system = system;
  }

  /** Whatever tenant it belongs to: the caller decides whether who asks may know of it. */
  async byName(name: string): Promise<AudienceRow | undefined> {
    return one(this.#system, 'name = $1', [name]);
  }

  /** One of the tenant's own. */
  ofTenant(tenantId: string, name: string): Promise<AudienceRow | undefined> {
    return asTenant(this.#request, tenantId, (client) => one(client, 'tenant_id = $1 and name = $2', [tenantId, name]));
  }

  /** The tenant's own, by name, after `after`. */
  list(tenantId: string, after: string, limit: number): Promise<readonly AudienceRow[]> {
    const text = `select ${columns} from audiences where tenant_id = $1 and name > $2 order by name limit $3`;
    return asTenant(this.#request, tenantId, async (client) => {
      return (await client.query<AudienceRow>(text, [tenantId, after, limit])).rows;
    });
  }

  /** Active ones that a caller of this tenant can have tokens for, by name, after `after`. */
  async openTo(tenantId: string, after: string, limit: number): Promise<readonly AudienceRow[]> {
    const text = `select ${columns} from audiences
      where status = 'active' and (tenant_id = $1 or access = 'anyone') and name > $2 order by name limit $3`;
    return (await this.#system.query<AudienceRow>(text, [tenantId, after, limit])).rows;
  }
}

async function one(query: Pick<Query, 'query'>, where: string, values: unknown[]): Promise<AudienceRow | undefined> {
  const { rows } = await query.query<AudienceRow>(`select ${columns} from audiences where ${where}`, values);
  return rows[0];
}
