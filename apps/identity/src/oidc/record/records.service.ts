import type { KeyObject } from 'node:crypto';
import type { SealedField } from '@gatehouse/contracts';
import type { Pepper } from '@gatehouse/crypto';
import type pg from 'pg';
import { handleId, openRecord, recordKey, sealRecord } from './sealed-record.js';

export interface StoredRecord {
  readonly model: string;
  readonly id: string;
  readonly grant_id: string | null;
  readonly user_id: string | null;
  readonly client_id: string | null;
  readonly tenant_id: string | null;
  /** The sign-in session a grant or a browser session came from. */
  readonly sign_in: string | null;
  readonly sealed: SealedField;
  readonly expires_at: Date;
  readonly consumed_at: Date | null;
  readonly decided_at: Date | null;
}

export type Payload = Record<string, unknown>;

/** Longest time a record is looked for behind its end: a client that comes late is told `expired`, not `unknown`. */
const graceSeconds = 3_600;

/** Grants and clients are named in tokens and events; everything else is a secret of whoever holds it. */
const openIds: ReadonlySet<string> = new Set(['Grant']);

const columns = `model, id, grant_id, user_id, client_id, tenant_id, sign_in, sealed, expires_at, consumed_at, decided_at`;

/** Rows of the OpenID provider, on connections of the system role. */
export class Records {
  readonly #key: KeyObject;

  constructor(
    readonly pool: pg.Pool,
    readonly pepper: Pepper,
  ) {
    this.#key = recordKey(pepper);
  }

  idOf(model: string, handle: string): string {
    return openIds.has(model) ? handle : handleId(this.pepper, model, handle);
  }

  /**
   * Writes a record, or the same record anew.
   *
   * @param handle the secret it is found by; sealed inside, since some records are found by another name
   * @throws RangeError when it is longer than a sealed field may be
   */
  async write(model: string, handle: string, payload: Payload, ttlSeconds: number): Promise<void> {
    const id = this.idOf(model, handle);
    await this.pool.query(
      `insert into oidc_records (model, id, grant_id, uid, user_code, user_id, client_id, sealed, expires_at, sign_in)
       values ($1, $2, $3, $4, $5, $6, $7, $8, now() + make_interval(secs => $9), $10)
       on conflict (model, id) do update set grant_id = excluded.grant_id, uid = excluded.uid,
         user_id = excluded.user_id, client_id = excluded.client_id, sealed = excluded.sealed,
         expires_at = excluded.expires_at, sign_in = coalesce(excluded.sign_in, oidc_records.sign_in)`,
      [
        model,
        id,
        text(payload.grantId),
        model === 'Session' ? text(payload.uid) : null,
        this.#userCode(payload.userCode),
        text(payload.accountId),
        text(payload.clientId),
        JSON.stringify(sealRecord(this.#key, model, id, { ...payload, jti: handle })),
        ttlSeconds,
        signInOf(payload),
      ],
    );
  }

  /** Writes a record that must be the first of its name. Answers whether it was. */
  async writeFirst(model: string, handle: string, payload: Payload, ttlSeconds: number): Promise<boolean> {
    const id = this.idOf(model, handle);
    const { rowCount } = await this.pool.query(
      `insert into oidc_records (model, id, sealed, expires_at) values ($1, $2, $3, now() + make_interval(secs => $4))
       on conflict (model, id) do update set expires_at = excluded.expires_at where oidc_records.expires_at <= now()`,
      [model, id, JSON.stringify(sealRecord(this.#key, model, id, payload)), ttlSeconds],
    );
    return rowCount === 1;
  }

  find(model: string, handle: string): Promise<StoredRecord | undefined> {
    return this.#one('model = $1 and id = $2', [model, this.idOf(model, handle)]);
  }

  findByUid(uid: string): Promise<StoredRecord | undefined> {
    return this.#one(`uid = $1 and model = 'Session'`, [uid]);
  }

  findByUserCode(userCode: string): Promise<StoredRecord | undefined> {
    return this.#one(`user_code = $1 and model = 'DeviceCode'`, [this.#userCode(userCode)]);
  }

  /** A record as the provider knows it. The row's own end counts, so that an end can be brought forward. */
  open(record: StoredRecord): Payload {
    const payload = openRecord(this.#key, record.id, record.sealed);
    const consumed = record.consumed_at ? { consumed: Math.floor(record.consumed_at.getTime() / 1_000) } : {};
    return { ...payload, ...consumed, exp: Math.floor(record.expires_at.getTime() / 1_000) };
  }

  /** Marks a record as used. Answers false when somebody else was first: of any number at once exactly one wins. */
  async consume(model: string, handle: string): Promise<boolean> {
    const { rowCount } = await this.pool.query(
      'update oidc_records set consumed_at = now() where model = $1 and id = $2 and consumed_at is null',
      [model, this.idOf(model, handle)],
    );
    return rowCount === 1;
  }

  /** Marks a device code as decided. Answers false when it was, or is over. */
  async decide(userCode: string): Promise<boolean> {
    const { rowCount } = await this.pool.query(
      `update oidc_records set decided_at = now() where model = 'DeviceCode' and user_code = $1
       and decided_at is null and consumed_at is null and expires_at > now()`,
      [this.#userCode(userCode)],
    );
    return rowCount === 1;
  }

  async remove(model: string, handle: string): Promise<void> {
    await this.pool.query('delete from oidc_records where model = $1 and id = $2', [model, this.idOf(model, handle)]);
  }

  /** What tenant and sign-in a record belongs to: known to us, unknown to the provider. */
  async attach(model: string, handle: string, { tenantId, signIn }: { tenantId?: string; signIn?: string }) {
    await this.pool.query(
      `update oidc_records set tenant_id = coalesce($3, tenant_id), sign_in = coalesce($4, sign_in)
       where model = $1 and id = $2`,
      [model, this.idOf(model, handle), tenantId ?? null, signIn ?? null],
    );
  }

  /** Deletes what is long over, oldest first, a bounded number at a time; answers how many. */
  async expire(limit: number): Promise<number> {
    const { rowCount } = await this.pool.query(
      `delete from oidc_records where (model, id) in (
         select model, id from oidc_records where expires_at < now() - make_interval(secs => $1)
         order by expires_at limit $2 for update skip locked)`,
      [graceSeconds, limit],
    );
    await this.pool.query(`delete from oidc_attempts where starts_at < now() - interval '1 day'`);
    return rowCount ?? 0;
  }

  async #one(condition: string, values: readonly unknown[]): Promise<StoredRecord | undefined> {
    const { rows } = await this.pool.query<StoredRecord>(
      `select ${columns} from oidc_records where ${condition}`,
      values as unknown[],
    );
    return rows[0];
  }

  #userCode(code: unknown): string | null {
    return typeof code === 'string' ? handleId(this.pepper, 'UserCode', code) : null;
  }
}

/** Under this name the provider's browser session keeps, among its clients, which sign-in of ours it stands on. */
export const signInKey = 'gatehouse:sign-in';

const signInOf = ({ authorizations }: Payload): string | null =>
  text((authorizations as Record<string, { sid?: unknown }> | undefined)?.[signInKey]?.sid);

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
