import type { SealedField } from '@gatehouse/contracts';
import type { Pepper } from '@gatehouse/crypto';
import type { Query } from '@gatehouse/event-store';
import type pg from 'pg';
import type { SubjectKeys } from '../user/subject-keys.service.js';
import { emailIndex } from './people.projection.js';

export interface Person {
  readonly userId: string;
  /** Where the person's own streams and keys are. */
  readonly homeTenantId: string;
  readonly status: 'pending' | 'active' | 'disabled' | 'erased';
  readonly email?: SealedField;
  readonly name?: SealedField;
  readonly registeredAt: Date;
}

interface Row {
  readonly tenant_id: string;
  readonly user_id: string;
  readonly status: Person['status'];
  readonly email: SealedField | null;
  readonly name: SealedField | null;
  readonly registered_at: Date;
}

const columns = 'tenant_id, user_id, status, email, name, registered_at';

/**
 * Looks people up across tenants, on connections of the system role. Whoever calls it has decided that the caller may
 * know what it answers.
 */
export class People {
  readonly #pool: pg.Pool;
  readonly #subjectKeys: SubjectKeys;
  readonly #pepper: Pepper;

  constructor(pool: pg.Pool, subjectKeys: SubjectKeys, pepper: Pepper) {
    this.#pool = pool;
    this.#subjectKeys = subjectKeys;
    this.#pepper = pepper;
  }

  indexOf(email: string): string {
    return emailIndex(this.#pepper, email);
  }

  async byId(userId: string, query: Pick<Query, 'query'> = this.#pool): Promise<Person | undefined> {
    const { rows } = await query.query<Row>(`select ${columns} from people where user_id = $1`, [userId]);
    return rows[0] && toPerson(rows[0]);
  }

  /** Whoever has verified this address and was not erased. */
  byEmail(email: string): Promise<Person | undefined> {
    return this.byIndex(this.indexOf(email));
  }

  /** The same by what {@link indexOf} makes of the address. */
  async byIndex(emailIndex: string): Promise<Person | undefined> {
    const { rows } = await this.#pool.query<Row>(
      `select ${columns} from people where email_index = $1 and status in ('active', 'disabled')`,
      [emailIndex],
    );
    return rows[0] && toPerson(rows[0]);
  }

  /** Address and name in clear; undefined where the person has none, or none any more. */
  async profileOf(person: Person): Promise<{ readonly email?: string; readonly name?: string }> {
    const open = (field: 'email' | 'name') => {
      const sealed = person[field];
      return sealed && this.#subjectKeys.open(this.#pool, person.homeTenantId, field, sealed);
    };
    const [email, name] = await Promise.all([open('email'), open('name')]);
    return { ...(email !== undefined && { email }), ...(name !== undefined && { name }) };
  }
}

const toPerson = (row: Row): Person => ({
  userId: row.user_id,
  homeTenantId: row.tenant_id,
  status: row.status,
  ...(row.email && { email: row.email }),
  ...(row.name && { name: row.name }),
  registeredAt: row.registered_at,
});

/** The personal workspace of somebody, which is also the home of that person's own streams. */
export const personalTenantId = (userId: string): string => `p-${userId}`;
