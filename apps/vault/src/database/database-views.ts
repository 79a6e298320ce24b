import type { DatabaseConfigured, DatabaseRoleWritten } from '@gatehouse/contracts';
import { asTenant } from '@gatehouse/event-store';
import type pg from 'pg';

/** As Vault's clients know it: no password. */
export const databaseView = (config: DatabaseConfigured) => ({
  plugin_name: 'postgresql-database-plugin',
  allowed_roles: config.allowedRoles,
  connection_details: {
    connection_url: `postgresql://{{username}}:{{password}}@${bracketed(config.host)}:${config.port}/${encodeURIComponent(config.database)}?sslmode=${config.sslmode}`,
    username: config.username,
    password_authentication: config.passwordAuthentication,
    ...(config.tlsServerName !== undefined && { tls_server_name: config.tlsServerName }),
    ...(config.tlsCa !== undefined && { tls_ca: config.tlsCa }),
  },
});

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);

export const roleView = (role: DatabaseRoleWritten) => ({
  db_name: role.database,
  creation_statements: role.creationStatements,
  revocation_statements: role.revocationStatements,
  renew_statements: role.renewStatements,
  rollback_statements: [],
  default_ttl: role.defaultTtlSeconds,
  max_ttl: role.maxTtlSeconds,
});

/** The names of one kind, in order: a tenant has few. */
export async function entryNames(pool: pg.Pool, tenantId: string, kind: string): Promise<readonly string[]> {
  const text = 'select name from database_entries where tenant_id = $1 and kind = $2 order by name limit 10000';
  const { rows } = await asTenant(pool, tenantId, (client) => client.query<{ name: string }>(text, [tenantId, kind]));
  return rows.map(({ name }) => name);
}
