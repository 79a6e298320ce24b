import { randomUUID } from 'node:crypto';
import type { OauthGrantRevoked } from '@gatehouse/contracts';
import { type EventStore, inTransaction, type PostgresEventStore } from '@gatehouse/event-store';
import type pg from 'pg';
import type { Records } from '../record/records.service.js';

export type RevocationReason = OauthGrantRevoked['reason'];

/** What a grant was given for, beside what the provider keeps of it. */
export interface GrantFacts {
  readonly grantId: string;
  readonly tenantId: string;
  readonly userId: string;
  readonly clientId: string;
  /** The OpenID scopes the person agreed to. */
  readonly scopes: ReadonlySet<string>;
  readonly signIn?: string;
}

export interface GrantSelection {
  readonly grantId?: string;
  readonly userId?: string;
  readonly clientId?: string;
  readonly tenantId?: string;
  readonly signIn?: string;
}

export const grantStream = (grantId: string): string => `oauth-grant:${grantId}`;

export const grantRevoked = (data: OauthGrantRevoked) => ({ type: 'oauth_grant.revoked', version: 1, data });

interface GrantRow {
  readonly id: string;
  readonly tenant_id: string | null;
  readonly user_id: string;
  readonly client_id: string;
}

/** Families of tokens: one consent of one person for one client, and all that was issued on it. */
export class Grants {
  readonly #records: Records;
  readonly #store: PostgresEventStore;

  constructor(records: Records, store: PostgresEventStore) {
    this.#records = records;
    this.#store = store;
  }

  /** A living grant; undefined once it was revoked or is over. */
  async find(grantId: string): Promise<GrantFacts | undefined> {
    const record = await this.#records.find('Grant', grantId);
    if (!record?.tenant_id || !record.user_id || record.expires_at.getTime() <= Date.now()) return undefined;
    const { openid } = this.#records.open(record) as { openid?: { scope?: string } };
    return {
      grantId,
      tenantId: record.tenant_id,
      userId: record.user_id,
      clientId: record.client_id ?? '',
      scopes: new Set(openid?.scope?.split(' ')),
      ...(record.sign_in !== null && { signIn: record.sign_in }),
    };
  }

  /** Ends one family: every service refuses its access tokens from the event on, and nothing of it is left here. */
  async revoke(grantId: string, reason: RevocationReason): Promise<void> {
    await this.revokeAll({ grantId }, reason);
  }

  /**
   * Ends every family that matches, a bounded number in one transaction; answers how many. Must be called again while it
   * answers more than none.
   */
  revokeAll(selection: GrantSelection, reason: RevocationReason, limit = 500): Promise<number> {
    // COMMIT POINT: the events and the end of the records are one. Killed before it, a repeated call does the same.
    return inTransaction(this.#records.pool, (client) => this.revokeWithin(client, selection, reason, limit));
  }

  /** The same in a transaction of the caller, on a connection of the system role. */
  async revokeWithin(
    client: pg.PoolClient,
    selection: GrantSelection,
    reason: RevocationReason,
    limit = 500,
  ): Promise<number> {
    const rows = await removeGrants(client, selection, limit);
    const log = this.#store.within(client);
    for (const row of rows) await appendRevoked(log, row, reason);
    return rows.length;
  }
}

const selectors: Readonly<Record<keyof GrantSelection, string>> = {
  grantId: 'id',
  userId: 'user_id',
  clientId: 'client_id',
  tenantId: 'tenant_id',
  signIn: 'sign_in',
};

async function removeGrants(
  client: pg.PoolClient,
  selection: GrantSelection,
  limit: number,
): Promise<readonly GrantRow[]> {
  const chosen = Object.entries(selection) as [keyof GrantSelection, string][];
  const condition = chosen.map(([name], i) => `${selectors[name]} = $${i + 1}`).join(' and ');
  const { rows } = await client.query<GrantRow>(
    `delete from oidc_records where model = 'Grant' and id in
       (select id from oidc_records where model = 'Grant' and ${condition} order by id limit ${limit} for update)
     returning id, tenant_id, user_id, client_id`,
    chosen.map(([, value]) => value),
  );
  await client.query('delete from oidc_records where grant_id = any($1)', [rows.map(({ id }) => id)]);
  return rows;
}

async function appendRevoked(log: EventStore, row: GrantRow, reason: RevocationReason): Promise<void> {
  // Without a tenant it was never finished: no token was issued on it.
  if (!row.tenant_id) return;
  const event = grantRevoked({ grantId: row.id, clientId: row.client_id, userId: row.user_id, reason });
  await log.append(grantStream(row.id), [event], {
    expectedRevision: 0,
    context: {
      tenantId: row.tenant_id,
      actor: { type: 'user', id: row.user_id },
      now: Date.now(),
      correlationId: randomUUID().replaceAll('-', ''),
    },
  });
}
