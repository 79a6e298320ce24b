import type { SealedField } from '@gatehouse/contracts';
import { keyFingerprint, type Pepper } from '@gatehouse/crypto';
import type pg from 'pg';
import { refusal } from '../federation-refusals.js';

export const signInMinutes = 30;
/** Of one tenant, on their way at once: whoever starts them needs no account. */
const maxWaiting = 5_000;
const maxAttempts = 5;

/** A sign-in on its way: who it is stands in it as soon as the issuer has said so. */
export interface SignInRow {
  readonly tenantId: string;
  readonly idpId: string;
  readonly returnPath: string;
  readonly userId: string | null;
  readonly subjectIndex: string | null;
  readonly methods: readonly string[] | null;
  readonly identity: SealedField | null;
  readonly mailHash: Buffer | null;
}

export interface Proof {
  readonly status: 'confirm' | 'proved';
  readonly userId: string;
  readonly subjectIndex: string;
  readonly methods: readonly string[];
  readonly identity?: SealedField;
  readonly mailToken?: string;
}

const columns = `tenant_id as "tenantId", idp_id as "idpId", return_path as "returnPath", user_id as "userId",
  subject_index as "subjectIndex", methods, identity, mail_hash as "mailHash"`;

/**
 * The table behind the sign-in cookie. It is read by the hash of the cookie's secret and by nothing else, on connections
 * of the system role: the browser that holds the secret is in no tenant yet.
 */
export class SignInRows {
  constructor(
    private readonly pool: pg.Pool,
    private readonly pepper: Pepper,
  ) {}

  /** @throws Refusal `federation_busy` */
  async insert(secret: string, row: Pick<SignInRow, 'tenantId' | 'idpId' | 'returnPath'>, nowMs: number) {
    await this.deleteExpired(nowMs);
    const { rowCount } = await this.pool.query(
      `insert into federated_sign_ins (cookie_hash, tenant_id, idp_id, return_path, status, expires_at)
       select $1, $2, $3, $4, 'started', $5
       where (select count(*) from federated_sign_ins where tenant_id = $2) < ${maxWaiting}`,
      [this.hash(secret), row.tenantId, row.idpId, row.returnPath, new Date(nowMs + signInMinutes * 60_000)],
    );
    if (rowCount !== 1) throw refusal('federation_busy');
  }

  /** Takes a started sign-in, once: whoever comes second, with the same answer of the issuer or another, gets nothing. */
  take(secret: string, idpId: string, nowMs: number): Promise<SignInRow | undefined> {
    return this.#one(
      `update federated_sign_ins set status = 'taken'
       where cookie_hash = $1 and status = 'started' and expires_at > $2 and idp_id = $3 returning ${columns}`,
      [this.hash(secret), new Date(nowMs), idpId],
    );
  }

  async settle(secret: string, { status, userId, subjectIndex, methods, identity, mailToken }: Proof): Promise<void> {
    await this.pool.query(
      `update federated_sign_ins set status = $2, user_id = $3, subject_index = $4, methods = $5, identity = $6,
         mail_hash = $7 where cookie_hash = $1`,
      [
        this.hash(secret),
        status,
        userId,
        subjectIndex,
        methods,
        identity ? JSON.stringify(identity) : null,
        mailToken === undefined ? null : this.hash(mailToken),
      ],
    );
  }

  /** Takes one of five attempts to confirm it, before anything is compared. */
  attempt(secret: string, nowMs: number): Promise<SignInRow | undefined> {
    return this.#one(
      `update federated_sign_ins set attempts = attempts + 1
       where cookie_hash = $1 and status = 'confirm' and expires_at > $2 and attempts < ${maxAttempts}
       returning ${columns}`,
      [this.hash(secret), new Date(nowMs)],
    );
  }

  /** Uses a proved sign-in up. */
  use(secret: string, nowMs: number): Promise<SignInRow | undefined> {
    return this.#one(
      `delete from federated_sign_ins where cookie_hash = $1 and status = 'proved' and expires_at > $2
       returning ${columns}`,
      [this.hash(secret), new Date(nowMs)],
    );
  }

  async forget(secret: string): Promise<void> {
    await this.pool.query('delete from federated_sign_ins where cookie_hash = $1', [this.hash(secret)]);
  }

  async forgetUser(userId: string): Promise<number> {
    const { rowCount } = await this.pool.query('delete from federated_sign_ins where user_id = $1', [userId]);
    return rowCount ?? 0;
  }

  async deleteExpired(nowMs: number): Promise<void> {
    await this.pool.query(
      `delete from federated_sign_ins where cookie_hash in
         (select cookie_hash from federated_sign_ins where expires_at <= $1 limit 500)`,
      [new Date(nowMs)],
    );
  }

  hash(secret: string): Buffer {
    return keyFingerprint(this.pepper, secret);
  }

  async #one(text: string, values: readonly unknown[]): Promise<SignInRow | undefined> {
    return (await this.pool.query<SignInRow>(text, [...values])).rows[0];
  }
}
