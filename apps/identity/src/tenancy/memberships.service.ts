import type { MemberRole } from '@gatehouse/contracts';
import type { Query } from '@gatehouse/event-store';
import type pg from 'pg';
import type { TenantKind } from './organization/tenant.js';

/** One person's place in one tenant that is not closed. */
export interface Membership {
  readonly tenantId: string;
  readonly name: string;
  readonly kind: TenantKind;
  readonly role: MemberRole;
  readonly requireSecondFactor: boolean;
  readonly addedAt: Date;
}

export interface Member {
  readonly userId: string;
  readonly role: MemberRole;
  readonly addedAt: Date;
  /** Of the stream `member:<userId>`; 0 for a first owner whose role never changed. */
  readonly revision: number;
}

export interface Page {
  /** The last id of the page before. */
  readonly after?: string | undefined;
  readonly limit?: number;
}

/** Most that one call answers; a caller who needs all asks page by page. */
const maxRows = 1_000;

const membershipColumns = `t.tenant_id as "tenantId", t.name, t.kind, m.role,
  t.require_second_factor as "requireSecondFactor", m.added_at as "addedAt"`;
const memberColumns = 'user_id as "userId", role, added_at as "addedAt", revision';

/**
 * Who belongs where, across tenants, on connections of the system role: whoever calls it has decided that the caller may
 * know. Answers what has been committed; a command that depends on it asks again inside its own transaction.
 */
export class Memberships {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /** The tenants somebody is a member of, closed ones left out, by id. */
  tenantsOf(userId: string, { after = '', limit = maxRows }: Page = {}): Promise<readonly Membership[]> {
    return this.#rows<Membership>(
      `select ${membershipColumns} from members m join tenants t using (tenant_id)
       where m.user_id = $1 and m.status = 'active' and t.status = 'active' and t.tenant_id > $2
       order by t.tenant_id limit $3`,
      [userId, after, Math.min(limit, maxRows)],
    );
  }

  /** Every tenant that holds a row on somebody: those that were left or closed, too. */
  async everTenantsOf(userId: string): Promise<readonly string[]> {
    const text = 'select tenant_id from members where user_id = $1 order by tenant_id';
    return (await this.#rows<{ tenant_id: string }>(text, [userId])).map(({ tenant_id }) => tenant_id);
  }

  /** Somebody's place in a tenant; undefined for a stranger, and for everybody once the tenant is closed. */
  async of(tenantId: string, userId: string): Promise<Membership | undefined> {
    const [row] = await this.#rows<Membership>(
      `select ${membershipColumns} from members m join tenants t using (tenant_id)
       where m.tenant_id = $1 and m.user_id = $2 and m.status = 'active' and t.status = 'active'`,
      [tenantId, userId],
    );
    return row;
  }

  async roleOf(tenantId: string, userId: string): Promise<MemberRole | undefined> {
    return (await this.of(tenantId, userId))?.role;
  }

  /** The members of a tenant, by user id. */
  membersOf(tenantId: string, { after, limit = maxRows }: Page = {}): Promise<readonly Member[]> {
    return this.#rows<Member>(
      `select ${memberColumns} from members
       where tenant_id = $1 and status = 'active' and ($2::uuid is null or user_id > $2) order by user_id limit $3`,
      [tenantId, after ?? null, Math.min(limit, maxRows)],
    );
  }

  /** The name of a tenant that is not closed. */
  async nameOf(tenantId: string): Promise<string | undefined> {
    return (await this.#tenant(tenantId))?.name;
  }

  /** Whether members of a tenant must have proved a second factor; false for a tenant that does not exist. */
  async requiresSecondFactor(tenantId: string): Promise<boolean> {
    return (await this.#tenant(tenantId))?.require_second_factor ?? false;
  }

  /**
   * Organizations that somebody cannot leave: the last owner, with other members in it. An erasure tells the person which
   * they are; see `removeEverywhere`.
   */
  async heldBy(userId: string): Promise<readonly { readonly tenantId: string; readonly name: string }[]> {
    return this.#rows(
      `select t.tenant_id as "tenantId", t.name from members m join tenants t using (tenant_id)
       where m.user_id = $1 and m.status = 'active' and m.role = 'owner' and t.status = 'active'
         and exists (select from members o where o.tenant_id = m.tenant_id and o.status = 'active' and o.user_id <> $1)
         and not exists (select from members o where o.tenant_id = m.tenant_id and o.status = 'active'
           and o.role = 'owner' and o.user_id <> $1)
       order by t.tenant_id`,
      [userId],
    );
  }

  /** How many organizations somebody owns, alone or with others. */
  async countOwned(userId: string): Promise<number> {
    const [row] = await this.#rows<{ owned: number }>(
      `select count(*)::int as owned from members m join tenants t using (tenant_id)
       where m.user_id = $1 and m.status = 'active' and m.role = 'owner' and t.kind = 'organization'
         and t.status = 'active'`,
      [userId],
    );
    return row?.owned ?? 0;
  }

  async #tenant(tenantId: string) {
    const [row] = await this.#rows<{ name: string; require_second_factor: boolean }>(
      `select name, require_second_factor from tenants where tenant_id = $1 and status = 'active'`,
      [tenantId],
    );
    return row;
  }

  async #rows<T extends pg.QueryResultRow>(text: string, values: readonly unknown[]): Promise<readonly T[]> {
    const query: Query = this.#pool;
    return (await query.query<T>(text, [...values])).rows;
  }
}
