import type { KeyObject } from 'node:crypto';
import type { SealedField } from '@gatehouse/contracts';
import { newSubjectKey, openField, type RootKey, sealField, unwrapKey, wrapKey } from '@gatehouse/crypto';
import { asTenant, inTransaction, type Query } from '@gatehouse/event-store';
import type pg from 'pg';

/** Says what a wrapped key is for, so that one person's key opens as nobody else's. */
const contextOf = (tenantId: string, subject: string, version: number): string =>
  `subject-key:${tenantId}:${subject}:${version}`;

type Client = Pick<Query, 'query'>;

/**
 * A sealed field in clear, or undefined when its key was destroyed: the person was erased, and so is the field.
 *
 * @param query a connection of the system role, or of the request role within the field's tenant
 */
export async function openSealed(
  root: RootKey,
  query: Client,
  tenantId: string,
  field: string,
  sealed: SealedField,
): Promise<string | undefined> {
  const { rows } = await query.query<{ wrapped: Buffer }>(
    'select wrapped from subject_keys where tenant_id = $1 and subject = $2 and key_version = $3',
    [tenantId, sealed.subject, sealed.key],
  );
  const [row] = rows;
  if (!row) return undefined;
  const key = unwrapKey(root, row.wrapped, contextOf(tenantId, sealed.subject, sealed.key));
  return openField(key, sealed, field, tenantId);
}

/** The keys of this subject were destroyed, and there will be no others: nothing more is kept on the person. */
export class SubjectErased extends Error {
  constructor() {
    super('the subject was erased: nothing is sealed for it any more');
    this.name = 'SubjectErased';
  }
}

/**
 * Destroys every key of a subject in every tenant, and keeps another from being made. Answers how many there were;
 * repeated, it destroys what a restored backup brought back.
 *
 * @param pool connections of the system role: no other may delete a key
 */
export const destroySubjectKeys = (pool: pg.Pool, subject: string): Promise<number> =>
  inTransaction(pool, async (client) => {
    // Whoever is making a key for this subject has committed it, or will see that the subject is erased.
    await client.query(`select pg_advisory_xact_lock(hashtextextended($1, 0))`, [lockName(subject)]);
    await client.query('insert into erased_subjects (subject) values ($1) on conflict do nothing', [subject]);
    const { rowCount } = await client.query('delete from subject_keys where subject = $1', [subject]);
    return rowCount ?? 0;
  });

const lockName = (subject: string): string => `gatehouse:subject:${subject}`;

/** Seals one person's fields; `field` is the field's name in the event. */
export type Seal = (field: string, text: string) => SealedField;

/**
 * One key per person, wrapped by the root key, in `subject_keys` and nowhere else: no event holds one, so that deleting
 * the row makes the person's fields unreadable in every copy of the log. A key without an event does no harm: it is made
 * before the first event that needs it, and found again if that never came.
 */
export class SubjectKeys {
  readonly #pool: pg.Pool;
  readonly #root: RootKey;

  /** @param pool connections of the request role */
  constructor(pool: pg.Pool, root: RootKey) {
    this.#pool = pool;
    this.#root = root;
  }

  /**
   * The sealing of one person's fields.
   *
   * @throws SubjectErased; CryptoError `wrong_key` under another root key than the stored one
   */
  async sealerFor(tenantId: string, subject: string): Promise<Seal> {
    const { version, key } = await this.#findOrMake(tenantId, subject);
    return (field, text) => sealField(key, { subject, keyVersion: version }, field, tenantId, text);
  }

  /** {@link openSealed} with the root key of this installation. */
  open(query: Client, tenantId: string, field: string, sealed: SealedField): Promise<string | undefined> {
    return openSealed(this.#root, query, tenantId, field, sealed);
  }

  async #findOrMake(tenantId: string, subject: string): Promise<{ version: number; key: KeyObject }> {
    const fresh = wrapKey(this.#root, newSubjectKey(), contextOf(tenantId, subject, 1));
    const { rows } = await asTenant(this.#pool, tenantId, async (client) => {
      await client.query('select pg_advisory_xact_lock_shared(hashtextextended($1, 0))', [lockName(subject)]);
      // Whoever comes second seals with the key of whoever came first.
      await client.query(
        `insert into subject_keys (tenant_id, subject, key_version, wrapped) select $1, $2, 1, $3
         where not exists (select from erased_subjects where subject = $2) on conflict do nothing`,
        [tenantId, subject, fresh],
      );
      return client.query<{ key_version: number; wrapped: Buffer }>(
        `select key_version, wrapped from subject_keys where tenant_id = $1 and subject = $2
         order by key_version desc limit 1`,
        [tenantId, subject],
      );
    });
    const [row] = rows;
    if (!row) throw new SubjectErased();
    const version = row.key_version;
    return { version, key: unwrapKey(this.#root, row.wrapped, contextOf(tenantId, subject, version)) };
  }
}
