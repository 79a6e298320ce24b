import { Caller, defineRoute, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { PLATFORM, type Platform, readAsTenant } from '@gatehouse/service';
import { Controller, Inject } from '@nestjs/common';
import { MoreThan } from 'typeorm';
import { z } from 'zod';
import { recordable } from '../../decision/identifiers.js';
import { relationshipView } from '../entity-views.js';
import { RelationshipRow } from './relationship-list.entity.js';

const list = defineRoute({
  method: 'GET',
  path: '/api/v1/policy/relationships',
  summary: 'Lists relationships, by subject, relation or resource, a page at a time',
  access: { kind: 'action', action: 'fact.read', resource: 'tenant/facts' },
  query: z.object({
    subject_type: z.string().max(64).optional(),
    subject_id: z.string().max(256).optional(),
    relation: z.string().max(64).optional(),
    resource_type: z.string().max(64).optional(),
    resource_id: z.string().max(512).optional(),
    limit: z.coerce.number().int().min(1).max(200).default(50),
    cursor: z.string().max(64).optional(),
  }),
});

@Controller()
export class RelationshipListController {
  constructor(@Inject(PLATFORM) private readonly platform: Platform) {}

  @Route(list)
  async list(@Input() { query }: InputOf<typeof list>, @Caller() caller: Principal) {
    const { relation, limit, cursor } = query;
    const { pepper } = this.platform;
    const subject = recordable(pepper, { type: query.subject_type ?? '', id: query.subject_id ?? '' });
    const resource = recordable(pepper, { type: query.resource_type ?? '', id: query.resource_id ?? '' });
    const where = {
      tenantId: caller.tenantId,
      ...(subject.type && { subjectType: subject.type }),
      ...(subject.id && { subjectId: subject.id }),
      ...(relation && { relation }),
      ...(resource.type && { resourceType: resource.type }),
      ...(resource.id && { resourceId: resource.id }),
      ...(cursor && { relationshipId: MoreThan(cursor) }),
    };
    const rows = await readAsTenant(this.platform.database.source, caller.tenantId, (manager) =>
      manager.find(RelationshipRow, { where, order: { relationshipId: 'ASC' }, take: limit + 1 }),
    );
    const page = rows.slice(0, limit);
    return {
      relationships: page.map(relationshipView),
      nextCursor: rows.length > limit ? (page.at(-1)?.relationshipId ?? null) : null,
    };
  }
}
