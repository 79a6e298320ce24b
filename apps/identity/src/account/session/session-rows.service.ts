import type { SealedField } from '@gatehouse/contracts';
import { keyFingerprint, type Pepper } from '@gatehouse/crypto';
import { inTransaction, type Query } from '@gatehouse/event-store';
import type pg from 'pg';
import type { SubjectKeys } from '../../user/subject-keys.service.js';
import type { StoredToken } from './refresh-token.js';

type Client = Pick<Query, 'query'>;

export interface OpenSession {
  readonly sessionId: string;
  readonly userId: string;
  readonly tenantId: string;
  readonly methods: readonly string[];
  readonly clientId?: string;
  readonly actingTenant: string;
  readonly tenantFixed: boolean;
  readonly place: SealedField;
  readonly startedAt: Date;
  readonly lastUsedAt: Date;
  readonly expiresAt: Date;
}

interface Row {
  readonly session_id: string;
  readonly user_id: string;
  readonly tenant_id: string;
  readonly methods: string[];
  readonly client_id: string | null;
  readonly acting_tenant: string;
  readonly tenant_fixed: boolean;
  readonly place: SealedField;
  readonly started_at: Date;
  readonly last_used_at: Date;
  readonly expires_at: Date;
}

const select = `
  select s.session_id, s.user_id, s.tenant_id, s.methods, s.client_id, s.started_at, x.acting_tenant, x.tenant_fixed,
    x.place, x.last_used_at, x.expires_at
  from sessions s join session_secrets x using (session_id)`;

const pageSize = 100;

/** The rows of sessions, and the fingerprints of their refresh tokens. */
export class SessionRows {
  readonly #pool: pg.Pool;
  readonly #subjectKeys: SubjectKeys;
  readonly #pepper: Pepper;

  /** @param pool connections of the system role: only a token tells the tenant it belongs to */
  constructor(pool: pg.Pool, subjectKeys: SubjectKeys, pepper: Pepper) {
    this.#pool = pool;
    this.#subjectKeys = subjectKeys;
    this.#pepper = pepper;
  }

  async byId(sessionId: string): Promise<OpenSession | undefined> {
    const { rows } = await this.#pool.query<Row>(`${select} where s.session_id = $1`, [sessionId]);
    return rows[0] && toSession(rows[0]);
  }

  async byToken(token: string): Promise<OpenSession | undefined> {
    const { rows } = await this.#pool.query<Row>(
      `${select} join refresh_tokens t using (session_id) where t.token_hash = $1`,
      [this.#hash(token)],
    );
    return rows[0] && toSession(rows[0]);
  }

  async ofUser(userId: string, query: Client = this.#pool): Promise<readonly OpenSession[]> {
    const { rows } = await query.query<Row>(`${select} where s.user_id = $1 order by s.started_at desc`, [userId]);
    return rows.map(toSession);
  }

  /** Some of the sessions that are over by the clock. */
  async over(now: Date, idleSince: Date): Promise<readonly string[]> {
    const { rows } = await this.#pool.query<{ session_id: string }>(
      'select session_id from session_secrets where expires_at <= $1 or last_used_at <= $2 limit $3',
      [now, idleSince, pageSize],
    );
    return rows.map(({ session_id }) => session_id);
  }

  /** Inside the transaction of the session's first event. */
  async insert(client: Client, session: NewSession): Promise<void> {
    const { homeTenantId, sessionId, userId, actingTenant, tenantFixed, place, now, expiresAt } = session;
    await client.query(
      `insert into session_secrets (tenant_id, session_id, user_id, acting_tenant, tenant_fixed, place, last_used_at, expires_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [homeTenantId, sessionId, userId, actingTenant, tenantFixed, JSON.stringify(place), new Date(now), expiresAt],
    );
  }

  async insertToken(client: Client, tenantId: string, sessionId: string, token: string, now: number): Promise<void> {
    await client.query(
      'insert into refresh_tokens (tenant_id, token_hash, session_id, issued_at) values ($1, $2, $3, $4)',
      [tenantId, this.#hash(token), sessionId, new Date(now)],
    );
  }

  async markUsed(client: Client, token: string, salt: Uint8Array, now: number): Promise<void> {
    await client.query('update refresh_tokens set used_at = $2, salt = $3 where token_hash = $1', [
      this.#hash(token),
      new Date(now),
      salt,
    ]);
  }

  async touch(client: Client, sessionId: string, { place, actingTenant, now }: Touch): Promise<void> {
    await client.query(
      'update session_secrets set last_used_at = $2, place = $3, acting_tenant = $4 where session_id = $1',
      [sessionId, new Date(now), JSON.stringify(place), actingTenant],
    );
  }

  /**
   * Runs `work` with the session locked: of two who present the same token, the second sees what the first did. The end
   * of a session takes the same lock first. Undefined when the session or the token is gone.
   */
  withToken<T>(sessionId: string, token: string, work: (client: pg.PoolClient, stored: LockedToken) => Promise<T>) {
    return inTransaction(this.#pool, async (client) => {
      await client.query('select 1 from session_secrets where session_id = $1 for update', [sessionId]);
      const { rows } = await client.query<TokenRow>(
        `select t.tenant_id, t.used_at, t.salt, exists (
           select from refresh_tokens n where n.session_id = t.session_id and n.issued_at >= t.used_at
             and n.used_at is not null and n.token_hash <> t.token_hash) as successor_used
         from refresh_tokens t where t.token_hash = $1`,
        [this.#hash(token)],
      );
      const [row] = rows;
      return row && work(client, toToken(row));
    });
  }

  async openPlace(tenantId: string, place: SealedField): Promise<{ ip?: string; userAgent?: string }> {
    const text = await this.#subjectKeys.open(this.#pool, tenantId, 'place', place);
    return text === undefined ? {} : (JSON.parse(text) as { ip: string; userAgent?: string });
  }

  #hash(token: string): Buffer {
    return keyFingerprint(this.#pepper, token);
  }
}

export interface NewSession {
  readonly homeTenantId: string;
  readonly sessionId: string;
  readonly userId: string;
  readonly actingTenant: string;
  readonly tenantFixed: boolean;
  readonly place: SealedField;
  readonly expiresAt: Date;
  readonly now: number;
}

export interface Touch {
  readonly place: SealedField;
  readonly actingTenant: string;
  readonly now: number;
}

export interface LockedToken extends StoredToken {
  readonly tenantId: string;
  readonly salt?: Uint8Array;
}

interface TokenRow {
  readonly tenant_id: string;
  readonly used_at: Date | null;
  readonly salt: Buffer | null;
  readonly successor_used: boolean;
}

const toToken = ({ tenant_id, used_at, salt, successor_used }: TokenRow): LockedToken => ({
  tenantId: tenant_id,
  ...(used_at && { usedAt: used_at }),
  ...(salt && { salt }),
  successorUsed: successor_used,
});

const toSession = (row: Row): OpenSession => ({
  sessionId: row.session_id,
  userId: row.user_id,
  tenantId: row.tenant_id,
  methods: row.methods,
  ...(row.client_id !== null && { clientId: row.client_id }),
  actingTenant: row.acting_tenant,
  tenantFixed: row.tenant_fixed,
  place: row.place,
  startedAt: row.started_at,
  lastUsedAt: row.last_used_at,
  expiresAt: row.expires_at,
});
