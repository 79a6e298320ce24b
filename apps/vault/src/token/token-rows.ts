import type { Query } from '@gatehouse/event-store';

type Client = Pick<Query, 'query'>;

/** A token as it is stored. Times are Unix milliseconds. */
export interface TokenRow {
  readonly tenantId: string;
  readonly tokenId: string;
  readonly parentId: string | null;
  readonly depth: number;
  readonly principalType: 'service' | 'user' | 'device';
  readonly principalId: string;
  /** Fingerprint of the key's text that it was made with, directly or through others. */
  readonly madeWith: string | null;
  readonly sessionId: string | null;
  readonly methods: readonly string[] | null;
  readonly loginRoleId: string | null;
  readonly scopes: readonly string[] | null;
  readonly networks: readonly string[];
  readonly path: string;
  readonly displayName: string;
  readonly meta: Readonly<Record<string, string>>;
  readonly createdAtMs: number;
  readonly ttlSeconds: number;
  readonly explicitMaxTtlSeconds: number;
  readonly expiresAtMs: number;
  readonly maxExpiresAtMs: number;
  readonly renewable: boolean;
  readonly numUses: number;
  readonly uses: number;
  readonly revoked: boolean;
  /** False when the role it logged in to is gone or switched off. */
  readonly roleLive: boolean;
}

const columnsOf = (t: string): string => `
  ${t}.tenant_id as "tenantId", ${t}.token_id as "tokenId", ${t}.parent_id as "parentId", ${t}.depth,
  ${t}.principal_type as "principalType", ${t}.principal_id as "principalId", ${t}.made_with as "madeWith",
  ${t}.session_id as "sessionId", ${t}.methods, ${t}.login_role_id as "loginRoleId", ${t}.scopes, ${t}.networks,
  ${t}.path, ${t}.display_name as "displayName", ${t}.meta, ${msOf(`${t}.created_at`)} as "createdAtMs",
  ${t}.ttl_seconds as "ttlSeconds", ${t}.explicit_max_ttl_seconds as "explicitMaxTtlSeconds",
  ${msOf(`${t}.expires_at`)} as "expiresAtMs", ${msOf(`${t}.max_expires_at`)} as "maxExpiresAtMs", ${t}.renewable,
  ${t}.num_uses as "numUses", ${t}.uses, ${t}.revoked_at is not null as revoked,
  (${t}.login_role_id is null or exists (
    select from login_roles r where r.role_id = ${t}.login_role_id and not (r.settings @> '{"disabled": true}'))) as "roleLive"`;

/** Whole milliseconds, which a double holds exactly. */
const msOf = (column: string): string => `floor(extract(epoch from ${column}) * 1000)::float8`;

/** By what a token is found: its keyed hash, or its id within one tenant. */
export type TokenName = { readonly hash: Buffer } | { readonly tenantId: string; readonly tokenId: string };

/** The token and those it was made with, itself first; empty for one that is not there. */
export async function selectChain(query: Client, name: TokenName): Promise<readonly TokenRow[]> {
  const [where, values] =
    'hash' in name
      ? ['fingerprint = $1', [name.hash]]
      : ['tenant_id = $1 and token_id = $2', [name.tenantId, name.tokenId]];
  const { rows } = await query.query<TokenRow>({
    name: `token-chain-${values.length}`,
    text: `with recursive chain as (
        select * from tokens where ${where}
        union all
        select p.* from tokens p join chain c on p.token_id = c.parent_id and p.tenant_id = c.tenant_id
      )
      select ${columnsOf('chain')} from chain order by depth desc`,
    values,
  });
  return rows;
}

export interface NewTokenRow extends Omit<TokenRow, 'uses' | 'revoked' | 'roleLive'> {
  readonly hash: Buffer;
}

/** Inside the transaction of the token's first event. */
export async function insertToken(client: Client, row: NewTokenRow): Promise<void> {
  await client.query({
    name: 'token-insert',
    text: `insert into tokens (tenant_id, token_id, fingerprint, parent_id, depth, principal_type, principal_id, made_with,
        session_id, methods, login_role_id, scopes, networks, path, display_name, meta, created_at, ttl_seconds,
        explicit_max_ttl_seconds, expires_at, max_expires_at, renewable, num_uses)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)`,
    values: [
      ...[row.tenantId, row.tokenId, row.hash, row.parentId, row.depth, row.principalType, row.principalId],
      ...[row.madeWith, row.sessionId, row.methods, row.loginRoleId, row.scopes, row.networks],
      ...[row.path, row.displayName, row.meta, new Date(row.createdAtMs), row.ttlSeconds],
      ...[row.explicitMaxTtlSeconds, new Date(row.expiresAtMs), new Date(row.maxExpiresAtMs)],
      ...[row.renewable, row.numUses],
    ],
  });
}

/** Counts one more use; false when there was none left. One statement: of two who want the last use, one gets it. */
export async function takeUse(query: Client, tokenId: string): Promise<boolean> {
  const { rowCount } = await query.query(
    'update tokens set uses = uses + 1 where token_id = $1 and uses < num_uses and revoked_at is null',
    [tokenId],
  );
  return rowCount === 1;
}
