import { randomBytes } from 'node:crypto';
import { keyFingerprint, type Pepper } from '@gatehouse/crypto';
import { asTenant } from '@gatehouse/event-store';
import type pg from 'pg';

export const challengeSeconds = 300;
const maxAttempts = 5;
const pattern = /^gch_[A-Za-z0-9_-]{43}$/;

/** A sign-in that waits for its second factor. */
export interface Challenge {
  readonly userId: string;
  readonly homeTenantId: string;
  /** What was proved so far. */
  readonly methods: readonly string[];
  readonly tenantId?: string;
  readonly clientId?: string;
}

interface Row {
  readonly user_id: string;
  readonly tenant_id: string;
  readonly methods: string[];
  readonly acting_tenant: string | null;
  readonly client_id: string | null;
}

const columns = 'user_id, tenant_id, methods, acting_tenant, client_id';

/** Sign-ins between the first factor and the second: five minutes, five attempts, used once. */
export class Challenges {
  readonly #request: pg.Pool;
  readonly #system: pg.Pool;
  readonly #pepper: Pepper;

  constructor({ request, system }: { readonly request: pg.Pool; readonly system: pg.Pool }, pepper: Pepper) {
    this.#request = request;
    this.#system = system;
    this.#pepper = pepper;
  }

  /** Answers the token; `guard` runs in the same transaction and throws to prevent it. */
  async make(challenge: Challenge, now: number, guard?: (client: pg.PoolClient) => Promise<void>): Promise<string> {
    const { userId, homeTenantId, methods, tenantId, clientId } = challenge;
    const token = `gch_${randomBytes(32).toString('base64url')}`;
    const expiresAt = new Date(now + challengeSeconds * 1_000);
    await asTenant(this.#request, homeTenantId, async (client) => {
      await guard?.(client);
      await client.query(
        `insert into sign_in_challenges (token_hash, ${columns}, expires_at) values ($1, $2, $3, $4, $5, $6, $7)`,
        [this.#hash(token), userId, homeTenantId, methods, tenantId ?? null, clientId ?? null, expiresAt],
      );
    });
    return token;
  }

  /** Takes one of its attempts, before anything is compared. Undefined when it is over or has none left. */
  async attempt(token: string, now: number): Promise<Challenge | undefined> {
    if (!pattern.test(token)) return undefined;
    const { rows } = await this.#system.query<Row>(
      `update sign_in_challenges set attempts = attempts + 1
       where token_hash = $1 and expires_at > $2 and attempts < $3 returning ${columns}`,
      [this.#hash(token), new Date(now), maxAttempts],
    );
    return rows[0] && toChallenge(rows[0]);
  }

  /** The challenge as it is, without taking an attempt. */
  async find(token: string, now: number): Promise<Challenge | undefined> {
    if (!pattern.test(token)) return undefined;
    const { rows } = await this.#system.query<Row>(
      `select ${columns} from sign_in_challenges where token_hash = $1 and expires_at > $2`,
      [this.#hash(token), new Date(now)],
    );
    return rows[0] && toChallenge(rows[0]);
  }

  /** Uses it up, inside the transaction of the session. Answers whether it was there: of two callers, to one. */
  async use(client: pg.PoolClient, token: string, now: number): Promise<boolean> {
    const { rowCount } = await client.query(
      'delete from sign_in_challenges where token_hash = $1 and expires_at > $2',
      [this.#hash(token), new Date(now)],
    );
    return rowCount === 1;
  }

  async deleteExpired(now: number): Promise<void> {
    await this.#system.query('delete from sign_in_challenges where expires_at <= $1', [new Date(now)]);
  }

  #hash(token: string): Buffer {
    return keyFingerprint(this.#pepper, token);
  }
}

const toChallenge = ({ user_id, tenant_id, methods, acting_tenant, client_id }: Row): Challenge => ({
  userId: user_id,
  homeTenantId: tenant_id,
  methods,
  ...(acting_tenant !== null && { tenantId: acting_tenant }),
  ...(client_id !== null && { clientId: client_id }),
});
