import { Caller, defineRoute, Input, type InputOf, type Principal, ProblemError, Route } from '@gatehouse/http';
import { diffPolicies, policyJsonSchema } from '@gatehouse/policy-document';
import { PLATFORM, type Platform, readAsTenant } from '@gatehouse/service';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import { digestPattern } from '../draft-version/draft-version.js';
import { readVersion } from '../version-texts.js';
import { VersionRow } from './version-list.entity.js';

const base = '/api/v1/policy/versions';
const mayRead = { kind: 'action', action: 'policy.read', resource: 'policy/versions' } as const;
const params = z.object({ digest: z.string().regex(digestPattern) });

const list = defineRoute({
  method: 'GET',
  path: base,
  summary: 'Lists the versions of the policy, the latest first, a page at a time',
  access: mayRead,
  query: z.object({
    limit: z.coerce.number().int().min(1).max(200).default(50),
    cursor: z
      .string()
      .regex(/^\d{1,16}\.sha256:[0-9a-f]{64}$/)
      .optional(),
  }),
});
const read = defineRoute({
  method: 'GET',
  path: `${base}/:digest`,
  summary: 'Shows one version of the policy',
  access: mayRead,
  params,
  problems: ['not_found'],
});
const diff = defineRoute({
  method: 'GET',
  path: `${base}/:digest/diff`,
  summary: 'Shows what has to be done to another version to have this one',
  access: mayRead,
  params,
  query: z.object({
    to: z.union([z.enum(['active', 'builtin']), z.string().regex(digestPattern)]).default('active'),
  }),
  problems: ['not_found'],
});
const schema = defineRoute({
  method: 'GET',
  path: '/api/v1/policy/schema',
  summary: 'The JSON schema of a policy, for editors',
  access: mayRead,
});

type Active = { digest: string | null }[];

@Controller()
export class VersionListController {
  constructor(@Inject(PLATFORM) private readonly platform: Platform) {}

  @Route(list)
  async list(@Input() { query }: InputOf<typeof list>, @Caller() { tenantId }: Principal) {
    const { limit, cursor } = query;
    const [before, digest] = cursor ? cursor.split('.') : [];
    const { rows, active } = await readAsTenant(this.platform.database.source, tenantId, async (manager) => ({
      active: await manager.query<Active>('select digest from policy.active_policies where tenant_id = $1', [tenantId]),
      rows: await manager
        .createQueryBuilder(VersionRow, 'v')
        .where('v.tenant_id = :tenantId', { tenantId })
        .andWhere(cursor ? '(v.drafted_at, v.digest) < (:before, :digest)' : 'true', {
          before: new Date(Number(before)),
          digest,
        })
        .orderBy('v.drafted_at', 'DESC')
        .addOrderBy('v.digest', 'DESC')
        .take(limit + 1)
        .getMany(),
    }));
    const page = rows.slice(0, limit);
    const last = rows.length > limit ? page.at(-1) : undefined;
    return {
      active: active[0]?.digest ?? null,
      versions: page.map(viewOf),
      nextCursor: last ? `${last.draftedAt.getTime()}.${last.digest}` : null,
    };
  }

  @Route(read)
  async read(@Input() { params: { digest } }: InputOf<typeof read>, @Caller() { tenantId }: Principal) {
    const { source } = this.platform.database;
    const row = await readAsTenant(source, tenantId, (manager) => manager.findOneBy(VersionRow, { tenantId, digest }));
    if (!row) throw new ProblemError('not_found', 'There is no such version');
    return { ...viewOf(row), ...(await readVersion(source, tenantId, digest)) };
  }

  @Route(diff)
  async diff(@Input() { params: { digest }, query }: InputOf<typeof diff>, @Caller() { tenantId }: Principal) {
    const { source } = this.platform.database;
    const to = query.to === 'builtin' ? null : query.to === 'active' ? await this.active(tenantId) : query.to;
    const [before, after] = await Promise.all([
      readVersion(source, tenantId, to),
      readVersion(source, tenantId, digest),
    ]);
    return { from: to, to: digest, changes: diffPolicies(before.document, after.document) };
  }

  @Route(schema)
  schema() {
    return policyJsonSchema;
  }

  private async active(tenantId: string): Promise<string | null> {
    const rows = await readAsTenant(this.platform.database.source, tenantId, (manager) =>
      manager.query<Active>('select digest from policy.active_policies where tenant_id = $1', [tenantId]),
    );
    return rows[0]?.digest ?? null;
  }
}

const viewOf = (row: VersionRow) => ({
  digest: row.digest,
  title: row.title,
  bytes: row.bytes,
  draftedBy: { type: row.draftedByType, id: row.draftedById },
  draftedAt: row.draftedAt.toISOString(),
  activatedAt: row.activatedAt?.toISOString() ?? null,
});
