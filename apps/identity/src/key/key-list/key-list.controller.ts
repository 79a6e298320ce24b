import { Caller, defineRoute, Input, type InputOf, type Principal, ProblemError, Route } from '@gatehouse/http';
import { PLATFORM, type Platform, readAsTenant } from '@gatehouse/service';
import { Controller, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { type EntityManager, MoreThan } from 'typeorm';
import { z } from 'zod';
import { keyView, viewOfRow } from '../key-view.js';
import { cursorAfter, readCursor } from './cursor.js';
import { KeyRow } from './key-list.entity.js';

const cursor = z
  .string()
  .max(128)
  .refine((text) => readCursor(text) !== undefined, 'is no cursor of ours')
  .transform(readCursor);

const list = defineRoute({
  method: 'GET',
  path: '/api/v1/identity/keys',
  summary: "Lists the tenant's keys, oldest first, a page at a time",
  access: { kind: 'action', action: 'key.read', resource: ({ principal }) => `tenant/${principal?.tenantId ?? ''}` },
  query: z.object({
    limit: z.coerce.number().int().min(1).max(200).default(50),
    cursor: cursor.optional(),
    enabled: z.enum(['true', 'false']).optional(),
  }),
  response: z.object({ keys: z.array(keyView), nextCursor: z.string().nullable() }),
});

const read = defineRoute({
  method: 'GET',
  path: '/api/v1/identity/keys/:keyId',
  summary: 'Shows one key',
  access: { kind: 'action', action: 'key.read', resource: ({ input }) => `key/${keyIdOf(input?.params)}` },
  params: z.object({ keyId: z.uuid() }),
  response: keyView,
  problems: ['not_found'],
});

const keyIdOf = (params: unknown): string => (params as { keyId?: string } | undefined)?.keyId ?? '';

@Controller()
export class KeyListController {
  constructor(@Inject(PLATFORM) private readonly platform: Platform) {}

  @Route(list)
  async list(@Input() { query }: InputOf<typeof list>, @Caller() { tenantId }: Principal) {
    const { limit, cursor: after, enabled } = query;
    const where = {
      tenantId,
      ...(after && { keyId: MoreThan(after) }),
      ...(enabled && { enabled: enabled === 'true' }),
    };
    const { rows, used } = await readAsTenant(this.platform.database.source, tenantId, async (manager) => {
      const found = await manager.find(KeyRow, { where, order: { keyId: 'ASC' }, take: limit + 1 });
      return { rows: found, used: await lastUses(manager, tenantId, found) };
    });
    const page = rows.slice(0, limit);
    const last = rows.length > limit ? page.at(-1) : undefined;
    return {
      keys: page.map((row) => viewOfRow(row, used.get(row.keyId))),
      nextCursor: last ? cursorAfter(last.keyId) : null,
    };
  }

  @Route(read)
  async read(
    @Input() { params }: InputOf<typeof read>,
    @Caller() { tenantId }: Principal,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { row, used } = await readAsTenant(this.platform.database.source, tenantId, async (manager) => {
      const found = await manager.findOneBy(KeyRow, { tenantId, keyId: params.keyId });
      return { row: found, used: await lastUses(manager, tenantId, found ? [found] : []) };
    });
    if (!row) throw new ProblemError('not_found', 'There is no such key');
    void reply.header('etag', `"${row.revision}"`);
    return viewOfRow(row, used.get(row.keyId));
  }
}

/** When each of these keys was last used anywhere, as far as the services have reported it. */
async function lastUses(manager: EntityManager, tenantId: string, keys: readonly KeyRow[]): Promise<Map<string, Date>> {
  const rows = await manager.query<{ key_id: string; at: Date }[]>(
    `select key_id, max(last_at) as at from identity.key_uses
     where tenant_id = $1 and key_id = any($2::uuid[]) group by key_id`,
    [tenantId, keys.map(({ keyId }) => keyId)],
  );
  return new Map(rows.map(({ key_id, at }) => [key_id, at]));
}
