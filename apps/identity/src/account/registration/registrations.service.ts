import type { SealedField } from '@gatehouse/contracts';
import type { Query } from '@gatehouse/event-store';
import type pg from 'pg';
import type { SubjectKeys } from '../../user/subject-keys.service.js';

type Client = Pick<Query, 'query'>;

export const registrationLifetimeMs = 24 * 3_600_000;
/** Pending ones of one address: more push the oldest out. */
const keptAtOnce = 5;

/** What somebody said at registration: kept sealed. */
export interface RegistrationDetails {
  readonly email: string;
  readonly name?: string;
  /** Of the organization to be made. */
  readonly tenantName?: string;
}

/** Somebody who said to have an address, and a password. */
export interface Registration {
  readonly userId: string;
  readonly homeTenantId: string;
  readonly details: SealedField;
  readonly passwordHash: string;
  readonly createdAt: Date;
}

interface Row {
  readonly user_id: string;
  readonly tenant_id: string;
  readonly details: SealedField;
  readonly password_hash: string;
  readonly created_at: Date;
}

const columns = 'user_id, tenant_id, details, password_hash, created_at';

/** Rows of registrations whose address is not verified yet: for a day, in no event. */
export class Registrations {
  readonly #system: pg.Pool;
  readonly #subjectKeys: SubjectKeys;

  constructor(system: pg.Pool, subjectKeys: SubjectKeys) {
    this.#system = system;
    this.#subjectKeys = subjectKeys;
  }

  /** In one transaction with the letter, as the registration's own home tenant. */
  async insert(client: Client, registration: Registration, emailIndex: string, tokenHash: Buffer): Promise<void> {
    const { userId, homeTenantId, details, passwordHash, createdAt } = registration;
    await client.query(
      `insert into registrations (${columns}, email_index, token_hash, expires_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [
        userId,
        homeTenantId,
        JSON.stringify(details),
        passwordHash,
        createdAt,
        emailIndex,
        tokenHash,
        new Date(createdAt.getTime() + registrationLifetimeMs),
      ],
    );
  }

  async byToken(tokenHash: Buffer, now: number): Promise<Registration | undefined> {
    const { rows } = await this.#system.query<Row>(
      `select ${columns} from registrations where token_hash = $1 and expires_at > $2`,
      [tokenHash, new Date(now)],
    );
    return rows[0] && toRegistration(rows[0]);
  }

  /** Of one address, newest first. */
  async ofEmail(emailIndex: string, now: number): Promise<readonly Registration[]> {
    const { rows } = await this.#system.query<Row>(
      `select ${columns} from registrations where email_index = $1 and expires_at > $2
       order by created_at desc limit $3`,
      [emailIndex, new Date(now), keptAtOnce],
    );
    return rows.map(toRegistration);
  }

  /** A new letter has a new token: the earlier ones of this registration no longer work. */
  async replaceToken(client: Client, { userId }: Registration, tokenHash: Buffer): Promise<void> {
    await client.query('update registrations set token_hash = $2 where user_id = $1', [userId, tokenHash]);
  }

  async detailsOf({ homeTenantId, details }: Registration): Promise<RegistrationDetails | undefined> {
    const text = await this.#subjectKeys.open(this.#system, homeTenantId, 'registration', details);
    return text === undefined ? undefined : (JSON.parse(text) as RegistrationDetails);
  }

  /** The address is somebody's now: whoever else said to have it is forgotten, with the keys that sealed it. */
  async forgetEmail(emailIndex: string): Promise<void> {
    await this.#forget('email_index = $1', [emailIndex]);
  }

  /** A page of what nobody verified in a day, and of what is too much for one address. */
  async deleteExpired(now: number): Promise<void> {
    await this.#forget('expires_at <= $1', [new Date(now)]);
    await this.#forget(
      `user_id in (select user_id from (select user_id, row_number() over (
         partition by email_index order by created_at desc) as place from registrations) ranked where place > $1)`,
      [keptAtOnce],
    );
  }

  /** The key of somebody who became a person meanwhile stays: it seals that person's events. */
  async #forget(which: string, values: readonly unknown[]): Promise<void> {
    await this.#system.query(
      `with gone as (delete from registrations where ${which} returning tenant_id, user_id)
       delete from subject_keys k using gone g where k.tenant_id = g.tenant_id and k.subject = g.user_id::text
         and not exists (select from people p where p.user_id = g.user_id)`,
      [...values],
    );
  }
}

const toRegistration = ({ user_id, tenant_id, details, password_hash, created_at }: Row): Registration => ({
  userId: user_id,
  homeTenantId: tenant_id,
  details,
  passwordHash: password_hash,
  createdAt: created_at,
});
