import { formatPosition } from '@gatehouse/contracts';
import type { Pepper } from '@gatehouse/crypto';
import { builtinRoleNames } from '@gatehouse/evaluator';
import { type CommandContext, handle, type PostgresEventStore } from '@gatehouse/event-store';
import { type FieldError, ProblemError } from '@gatehouse/http';
import type pg from 'pg';
import type { GivenPolicy, Prepared, Remark } from '../check/check.js';
import type { Checker } from '../check/checker.service.js';
import { answering } from '../problems.js';
import { draftLimits, draftVersion, type IdleDrafts, versionDecider, versionStream } from './draft-version.js';

export interface DraftingOptions {
  readonly store: PostgresEventStore;
  readonly checker: Checker;
  readonly pepper: Pepper;
}

/** Makes texts versions. */
export class Drafting {
  readonly #options: DraftingOptions;

  constructor(options: DraftingOptions) {
    this.#options = options;
  }

  /** @throws ProblemError `policy_invalid` with every error and its line, `policy_too_large`, `policy_too_complex`, `too_many_drafts` */
  async draft(given: GivenPolicy, context: CommandContext) {
    const { checker, pepper } = this.#options;
    const prepared = await checker.run('prepare', given, pepper);
    if (!prepared.ok) throw invalid(prepared.errors);
    const { digest, bytes, title, replaced, warnings } = prepared;
    if (bytes > draftLimits.textBytes) throw new ProblemError('policy_too_large');
    const { position, missing } = await this.#store(prepared, context);
    return {
      digest,
      bytes,
      title,
      replaced,
      warnings: [...warnings, ...missing],
      ...(position && { position: formatPosition(position) }),
    };
  }

  #store({ digest, bytes, title, text, roles }: Extract<Prepared, { ok: true }>, context: CommandContext) {
    const { tenantId } = context;
    const known = [...builtinRoleNames, ...roles];
    return answering(() =>
      // COMMIT POINT of a version: its event and its text, or neither.
      this.#options.store.together(tenantId, async (log, client) => {
        // One at a time in a tenant, or the bound would be that many drafts for each who comes at once.
        await client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`policy drafts of ${tenantId}`]);
        const idle = await idleDrafts(client, tenantId, context.now);
        const decide = draftVersion({ digest, bytes, title }, idle);
        const { events, position } = await handle(log, versionDecider, {
          streamId: versionStream(digest),
          context,
          decide,
        });
        if (events.length > 0)
          await client.query('insert into policy_texts (tenant_id, digest, text) values ($1, $2, $3)', [
            tenantId,
            digest,
            text,
          ]);
        return { position, missing: await grantedRolesMissing(client, tenantId, known) };
      }),
    );
  }
}

export const invalid = (errors: readonly FieldError[]): ProblemError =>
  new ProblemError('policy_invalid', undefined, { errors });

async function idleDrafts(client: pg.PoolClient, tenantId: string, now: number): Promise<IdleDrafts> {
  const since = new Date(now - draftLimits.idleDays * 24 * 3_600_000);
  const { rows } = await client.query<{ count: string; bytes: string }>(
    `select count(*) as count, coalesce(sum(bytes), 0) as bytes from policy_versions
     where tenant_id = $1 and activated_at is null and drafted_at > $2`,
    [tenantId, since],
  );
  return { count: Number(rows[0]?.count ?? 0), bytes: Number(rows[0]?.bytes ?? 0) };
}

/** Roles that somebody holds and that this version does not have: such a grant would give nothing. */
async function grantedRolesMissing(
  client: pg.PoolClient,
  tenantId: string,
  known: readonly string[],
): Promise<Remark[]> {
  const { rows } = await client.query<{ role: string; count: string }>(
    `select role, count(*) as count from grants where tenant_id = $1 and active and role <> all($2)
     group by role order by role limit 20`,
    [tenantId, known],
  );
  return rows.map(({ role, count }) => ({
    code: 'granted_role_missing',
    path: 'roles',
    message: `the role ${role} is held by ${count} grants, which would give nothing`,
  }));
}
