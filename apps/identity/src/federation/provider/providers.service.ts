import type { IdpConfigured, SealedField } from '@gatehouse/contracts';
import { newSubjectKey, openField, type RootKey, sealField, unwrapKey, wrapKey } from '@gatehouse/crypto';
import type { Query } from '@gatehouse/event-store';
import type pg from 'pg';

/** One provider as it is now. */
export interface StoredProvider {
  readonly tenantId: string;
  readonly config: IdpConfigured;
  readonly createdAt: Date;
  readonly revision: number;
}

interface Row {
  readonly tenant_id: string;
  readonly config: IdpConfigured;
  readonly created_at: Date;
  readonly revision: number;
}

type Client = Pick<Query, 'query'>;

const columns = 'tenant_id, config, created_at, revision';
const contextOf = (tenantId: string, idpId: string): string => `idp-secret:${tenantId}:${idpId}`;
const field = 'client_secret';

/**
 * The configured providers and their client secrets. Look-ups across tenants run as the system role: somebody who signs in
 * has no tenant yet, and what they answer is public (`where` a provider is), but for the secret.
 */
export class Providers {
  readonly #pool: pg.Pool;
  readonly #root: RootKey;

  /** @param pool connections of the system role */
  constructor(pool: pg.Pool, root: RootKey) {
    this.#pool = pool;
    this.#root = root;
  }

  async byId(idpId: string): Promise<StoredProvider | undefined> {
    return (await this.#select('idp_id = $1', [idpId]))[0];
  }

  ofTenant(tenantId: string): Promise<readonly StoredProvider[]> {
    return this.#select('tenant_id = $1', [tenantId]);
  }

  /** Those that list the domain. @param domain lower case, as in a mail address after the `@` */
  ofDomain(domain: string): Promise<readonly StoredProvider[]> {
    return this.#select('domains @> array[$1]', [domain]);
  }

  /** @param client inside the transaction of the provider's event */
  async keepSecret(client: Client, tenantId: string, idpId: string, secret: string): Promise<void> {
    const key = newSubjectKey();
    const sealed = sealField(key, { subject: idpId, keyVersion: 1 }, field, tenantId, secret);
    await client.query(
      `insert into idp_secrets (tenant_id, idp_id, wrapped, sealed) values ($1, $2, $3, $4)
       on conflict (tenant_id, idp_id) do update set wrapped = excluded.wrapped, sealed = excluded.sealed`,
      [tenantId, idpId, wrapKey(this.#root, key, contextOf(tenantId, idpId)), JSON.stringify(sealed)],
    );
  }

  /** @param client inside the transaction of the provider's event */
  async forgetSecret(client: Client, tenantId: string, idpId: string): Promise<void> {
    await client.query('delete from idp_secrets where tenant_id = $1 and idp_id = $2', [tenantId, idpId]);
  }

  /** In clear; undefined for a public client. */
  async secretOf(tenantId: string, idpId: string): Promise<string | undefined> {
    const { rows } = await this.#pool.query<{ wrapped: Buffer; sealed: SealedField }>(
      'select wrapped, sealed from idp_secrets where tenant_id = $1 and idp_id = $2',
      [tenantId, idpId],
    );
    const [row] = rows;
    if (!row) return undefined;
    return openField(unwrapKey(this.#root, row.wrapped, contextOf(tenantId, idpId)), row.sealed, field, tenantId);
  }

  async #select(where: string, values: readonly unknown[]): Promise<readonly StoredProvider[]> {
    const { rows } = await this.#pool.query<Row>(
      `select ${columns} from idps where ${where} order by idp_id limit ${maxProviders}`,
      [...values],
    );
    return rows.map(({ tenant_id, config, created_at, revision }) => ({
      tenantId: tenant_id,
      config,
      createdAt: created_at,
      revision,
    }));
  }
}

/** How many a tenant may have: enough for every directory of a large organization. */
export const maxProviders = 50;
