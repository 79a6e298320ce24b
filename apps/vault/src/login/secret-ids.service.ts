import { randomUUID } from 'node:crypto';
import type { Pepper } from '@gatehouse/crypto';
import type { CommandContext, PostgresEventStore, Query } from '@gatehouse/event-store';
import { ProblemError } from '@gatehouse/http';
import { hashOf, newToken } from '../token/token-text.js';
import { append, type LoginRole } from './login-roles.service.js';
import './login-problems.js';

/** A secret id as it is stored; its text is not. Times are Unix milliseconds. */
export interface SecretId {
  readonly secretIdId: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number | null;
  readonly ttlSeconds: number;
  readonly numUses: number;
  readonly uses: number;
  readonly networks: readonly string[];
  readonly tokenNetworks: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
}

export interface SecretIdWish {
  /** A text that the caller chose; one is made otherwise. */
  readonly text?: string | undefined;
  readonly ttlSeconds: number;
  readonly numUses: number;
  readonly networks: readonly string[];
  readonly tokenNetworks: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
}

const maxSecretIds = 10_000;
const ms = (column: string): string => `floor(extract(epoch from ${column}) * 1000)::float8`;
const columns = `secret_id_id as "secretIdId", ${ms('created_at')} as "createdAtMs", ${ms('expires_at')} as "expiresAtMs",
  ttl_seconds as "ttlSeconds", num_uses as "numUses", uses, networks, token_networks as "tokenNetworks", metadata`;
/** Over by time or by use: as if it were not there. */
const live = '(expires_at is null or expires_at > $2) and (num_uses = 0 or uses < num_uses)';
const nobody = '00000000-0000-0000-0000-000000000000';

export type SecretIdName = { readonly text: string } | { readonly secretIdId: string };

/** The secret ids of AppRoles. */
export class SecretIds {
  constructor(
    private readonly store: PostgresEventStore,
    private readonly system: Query,
    private readonly pepper: Pepper,
  ) {}

  /** @throws ProblemError `too_many_secret_ids`, `secret_id_taken` */
  async create({ tenantId, roleId }: LoginRole, wish: SecretIdWish, context: CommandContext) {
    const text = wish.text ?? newToken(this.pepper, 'gvs_');
    const secretIdId = randomUUID();
    const { ttlSeconds, numUses, networks, tokenNetworks, metadata } = wish;
    const expiresAt = ttlSeconds > 0 ? new Date(context.now + ttlSeconds * 1_000) : null;
    await this.store.together(tenantId, async (log, client) => {
      const { rows } = await client.query<{ count: number }>(
        'select count(*)::int as count from secret_ids where tenant_id = $1 and role_id = $2',
        [tenantId, roleId],
      );
      if ((rows[0]?.count ?? 0) >= maxSecretIds) throw new ProblemError('too_many_secret_ids');
      const { rowCount } = await client.query(
        `insert into secret_ids (tenant_id, secret_id_id, role_id, fingerprint, created_at, expires_at, ttl_seconds,
           num_uses, networks, token_networks, metadata) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         on conflict on constraint secret_ids_text do nothing`,
        [
          ...[tenantId, secretIdId, roleId, hashOf(this.pepper, text), new Date(context.now), expiresAt, ttlSeconds],
          ...[numUses, networks, tokenNetworks, metadata],
        ],
      );
      if (rowCount !== 1) throw new ProblemError('secret_id_taken');
      const until = expiresAt && { expiresAt: expiresAt.toISOString() };
      const custom = wish.text !== undefined;
      const data = { roleId, secretIdId, ...until, numUses, networks, custom };
      await append(log, context, roleId, 'secret_id.created', data);
    });
    return { text, secretIdId };
  }

  async find(roleId: string | undefined, name: SecretIdName, nowMs: number): Promise<SecretId | undefined> {
    const [where, value] =
      'text' in name ? ['fingerprint = $3', hashOf(this.pepper, name.text)] : ['secret_id_id = $3', name.secretIdId];
    const { rows } = await this.system.query<SecretId>({
      name: `secret-id-${'text' in name ? 'by-text' : 'by-id'}`,
      text: `select ${columns} from secret_ids where role_id = $1 and ${live} and ${where}`,
      // Somebody who is not there is looked up as well: that takes as long.
      values: [roleId ?? nobody, new Date(nowMs), value],
    });
    return rows[0];
  }

  async list(roleId: string, nowMs: number): Promise<readonly string[]> {
    const { rows } = await this.system.query<{ id: string }>(
      `select secret_id_id as id from secret_ids where role_id = $1 and ${live} order by created_at limit $3`,
      [roleId, new Date(nowMs), maxSecretIds],
    );
    return rows.map(({ id }) => id);
  }

  /** Counts one use; false when there was none left. Of two who want the last one, one gets it. */
  async takeUse(secretIdId: string, nowMs: number): Promise<boolean> {
    const { rowCount } = await this.system.query(
      `update secret_ids set uses = uses + 1, used_at = $2 where secret_id_id = $1 and ${live}`,
      [secretIdId, new Date(nowMs)],
    );
    return rowCount === 1;
  }

  async destroy({ tenantId, roleId }: LoginRole, name: SecretIdName, context: CommandContext): Promise<void> {
    const found = await this.find(roleId, name, context.now);
    if (!found) return;
    await this.store.together(tenantId, async (log, client) => {
      const { rowCount } = await client.query('delete from secret_ids where tenant_id = $1 and secret_id_id = $2', [
        tenantId,
        found.secretIdId,
      ]);
      if (rowCount !== 1) return;
      await append(log, context, roleId, 'secret_id.destroyed', { roleId, secretIdId: found.secretIdId });
    });
  }
}
