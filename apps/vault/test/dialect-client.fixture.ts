import type { RunningService } from '@gatehouse/service';
import type { Answer, VaultStack } from './vault-stack.fixture.js';

export interface DialectCall {
  readonly token?: string;
  readonly namespace?: string;
  /** `X-Vault-Wrap-TTL`. */
  readonly wrap?: string;
  /** Another replica than the stack's own. */
  readonly at?: RunningService;
}

/** Calls the dialect as Vault's own clients do: PUT to write, `X-Vault-Request`, the token in `X-Vault-Token`. */
export async function vault(
  stack: VaultStack,
  method: string,
  path: string,
  { token, namespace, wrap, at }: DialectCall = {},
  body?: unknown,
): Promise<Answer> {
  const headers = {
    'x-vault-request': 'true',
    ...(token !== undefined && { 'x-vault-token': token }),
    ...(namespace !== undefined && { 'x-vault-namespace': namespace }),
    ...(wrap !== undefined && { 'x-vault-wrap-ttl': wrap }),
  };
  if (!at) return stack.call(`/v1/${path}`, { method, headers, ...(body !== undefined && { body }) });
  const answer = await fetch(`${await at.app.getUrl()}/v1/${path}`, {
    method,
    headers,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, text, body: text ? JSON.parse(text) : undefined };
}

/** Texts of all events and all rows of the vault: what a secret must not stand in. */
export async function everythingStored({ superuser }: VaultStack): Promise<string> {
  const { rows: tables } = await superuser.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('vault', 'policy')`,
  );
  const texts = await Promise.all(
    tables.map(async ({ name }) => {
      const { rows } = await superuser.query<{ text: string | null }>(
        `select string_agg(t::text, E'\\n') as text from ${name} t`,
      );
      return rows[0]?.text ?? '';
    }),
  );
  return texts.join('\n');
}

/** Events of a type in the vault's log, oldest first. */
export async function eventsOf({ superuser }: VaultStack, tenantId: string, type: string) {
  const { rows } = await superuser.query<{ envelope: string }>(
    'select envelope::text as envelope from vault.events where tenant_id = $1 and type = $2 order by tx, seq',
    [tenantId, type],
  );
  // biome-ignore lint/suspicious/noExplicitAny: envelopes of every type, of which each test reads what it knows
  return rows.map(({ envelope }) => JSON.parse(envelope) as any);
}
