import type { Principal } from '@gatehouse/http';
import type pg from 'pg';
import type { People } from '../person/people.service.js';
import type { Memberships } from '../tenancy/memberships.service.js';
import { highestRole } from './satellite-token.js';

/** Somebody a token speaks of, as that one stands now. */
export type Standing =
  | { readonly status: 'active'; readonly role: string }
  | { readonly status: 'inactive' }
  | { readonly status: 'unknown' };

/** How whoever a token speaks of stands now, on connections of the system role. */
export class TokenSubjects {
  readonly #system: pg.Pool;
  readonly #people: People;
  readonly #memberships: Memberships;

  constructor(system: pg.Pool, people: People, memberships: Memberships) {
    this.#system = system;
    this.#people = people;
    this.#memberships = memberships;
  }

  standingOf(principal: Principal): Promise<Standing> {
    return principal.type === 'user' ? this.#ofPerson(principal) : this.#ofService(principal);
  }

  async #ofPerson({ id, tenantId }: Principal): Promise<Standing> {
    const person = await this.#people.byId(id);
    if (!person) return { status: 'unknown' };
    if (person.status !== 'active') return { status: 'inactive' };
    const role = await this.#memberships.roleOf(tenantId, id);
    return role === undefined ? { status: 'inactive' } : { status: 'active', role };
  }

  /** A service is there as long as a key of it works. */
  async #ofService({ id, tenantId }: Principal): Promise<Standing> {
    const { rows } = await this.#system.query<{ roles: string[]; enabled: boolean }>(
      `select roles, enabled and (expires_at is null or expires_at > now()) as enabled
       from keys where tenant_id = $1 and principal_type = 'service' and principal_id = $2`,
      [tenantId, id],
    );
    if (rows.length === 0) return { status: 'unknown' };
    const working = rows.filter(({ enabled }) => enabled);
    if (working.length === 0) return { status: 'inactive' };
    return { status: 'active', role: highestRole(working.flatMap(({ roles }) => roles)) };
  }
}
