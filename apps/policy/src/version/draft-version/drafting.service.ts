import { formatPosition } from '@gatehouse/contracts';
import type { Pepper } from '@gatehouse/crypto';
import { builtinRoleNames, policyErrors } from '@gatehouse/evaluator';
import { type CommandContext, handle, type PostgresEventStore } from '@gatehouse/event-store';
import { type FieldError, ProblemError } from '@gatehouse/http';
import type { ParsedPolicy } from '@gatehouse/policy-document';
import type pg from 'pg';
import { recordedText } from '../../recorded-text.js';
import { answering } from '../problems.js';
import { recordableVersion } from '../recordable-version.js';
import { digestOfText, textOf, type VersionContent } from '../version-text.js';
import { draftLimits, draftVersion, type IdleDrafts, versionDecider, versionStream } from './draft-version.js';

export interface DraftingOptions {
  readonly store: PostgresEventStore;
  readonly pepper: Pepper;
}

/** Worth knowing, and no reason to refuse. */
export interface Warning {
  readonly code: string;
  readonly path: string;
  readonly message: string;
}

const titleSchema = recordedText(200);

/** Makes texts versions. */
export class Drafting {
  readonly #options: DraftingOptions;

  constructor(options: DraftingOptions) {
    this.#options = options;
  }

  /** @throws ProblemError `policy_invalid` with every error and its line, `policy_too_large`, `too_many_drafts` */
  async draft(parsed: ParsedPolicy, title: string | undefined, context: CommandContext) {
    const { document, actions, tests } = parsed;
    if (!document) throw invalid(parsed.errors);
    return this.draftContent({ document, actions, tests }, title ?? parsed.title ?? '', context, parsed.warnings);
  }

  async draftContent(given: VersionContent, title: string, context: CommandContext, warnings: readonly Warning[] = []) {
    const { content, replaced, errors } = recordableVersion(this.#options.pepper, given);
    const wrong = [...errors, ...titleErrors(title), ...policyErrors(content.document).map(withCode)];
    if (wrong.length > 0) throw invalid(wrong);
    const text = textOf(content);
    const bytes = Buffer.byteLength(text);
    if (bytes > draftLimits.textBytes) throw new ProblemError('policy_too_large');
    const digest = digestOfText(text);
    const { position, missing } = await this.#store(digest, text, { digest, bytes, title }, content, context);
    return {
      digest,
      bytes,
      title,
      replaced,
      warnings: [...warnings, ...missing],
      ...(position && { position: formatPosition(position) }),
    };
  }

  #store(
    digest: string,
    text: string,
    data: { digest: string; bytes: number; title: string },
    { document }: VersionContent,
    context: CommandContext,
  ) {
    const { tenantId } = context;
    const known = [...builtinRoleNames, ...(document.roles ?? []).map((role) => role.name)];
    return answering(() =>
      // COMMIT POINT of a version: its event and its text, or neither.
      this.#options.store.together(tenantId, async (log, client) => {
        // One at a time in a tenant, or the bound would be that many drafts for each who comes at once.
        await client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`policy drafts of ${tenantId}`]);
        const idle = await idleDrafts(client, tenantId, context.now);
        const decide = draftVersion(data, idle);
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

const withCode = ({ path, message }: FieldError) => ({ code: 'rule_invalid', path, message });

const titleErrors = (title: string) =>
  title === '' || titleSchema.safeParse(title).success
    ? []
    : [{ code: 'text_not_recordable', path: 'title', message: 'is too long, or holds what must not be recorded' }];

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
): Promise<Warning[]> {
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
