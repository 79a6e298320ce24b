import { Caller, defineRoute, Input, type InputOf, type Principal, ProblemError, Route } from '@gatehouse/http';
import { PLATFORM, type Platform, readAsTenant } from '@gatehouse/service';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import { recordable } from '../../decision/identifiers.js';
import { entityRowView } from '../entity-views.js';
import { EntityRow } from './entity-list.entity.js';

const list = defineRoute({
  method: 'GET',
  path: '/api/v1/policy/entities',
  summary: 'Lists what is known of subjects and resources, by type and name, a page at a time',
  access: { kind: 'action', action: 'fact.read', resource: 'tenant/facts' },
  query: z.object({
    type: z.string().max(64).optional(),
    id: z.string().max(512).optional(),
    limit: z.coerce.number().int().min(1).max(200).default(50),
    cursor: z.string().max(2_048).optional(),
  }),
});

/** The names of the last row that was given. */
const cursorNames = z.tuple([z.string().max(64), z.string().max(512)]);

@Controller()
export class EntityListController {
  constructor(@Inject(PLATFORM) private readonly platform: Platform) {}

  @Route(list)
  async list(@Input() { query }: InputOf<typeof list>, @Caller() caller: Principal) {
    const { limit, cursor } = query;
    const { type, id } = recordable(this.platform.pepper, { type: query.type ?? '', id: query.id ?? '' });
    const rows = await readAsTenant(this.platform.database.source, caller.tenantId, (manager) => {
      const found = manager.createQueryBuilder(EntityRow, 'e').where({ tenantId: caller.tenantId });
      if (type) found.andWhere('e.entity_type = :type', { type });
      if (id) found.andWhere('e.entity_id = :id', { id });
      if (cursor) {
        const [lastType, lastId] = readCursor(cursor);
        found.andWhere('(e.entity_type, e.entity_id) > (:lastType, :lastId)', { lastType, lastId });
      }
      return found
        .orderBy({ 'e.entity_type': 'ASC', 'e.entity_id': 'ASC' })
        .limit(limit + 1)
        .getMany();
    });
    const page = rows.slice(0, limit);
    const last = rows.length > limit ? page.at(-1) : undefined;
    return { entities: page.map(entityRowView), nextCursor: last ? writeCursor(last) : null };
  }
}

const writeCursor = ({ entityType, entityId }: EntityRow): string =>
  Buffer.from(JSON.stringify([entityType, entityId])).toString('base64url');

function readCursor(cursor: string): z.output<typeof cursorNames> {
  try {
    return cursorNames.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
  } catch {
    const errors = [{ path: 'query.cursor', message: 'is not the nextCursor of a former answer' }];
    throw new ProblemError('validation_failed', undefined, { errors });
  }
}
