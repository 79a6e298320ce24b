import { Caller, defineRoute, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { PLATFORM, type Platform, readAsTenant } from '@gatehouse/service';
import { Controller, Inject } from '@nestjs/common';
import { MoreThan } from 'typeorm';
import { z } from 'zod';
import { recordable } from '../../decision/identifiers.js';
import { grantView } from '../grant-views.js';
import { GrantRow } from './grant-list.entity.js';

const list = defineRoute({
  method: 'GET',
  path: '/api/v1/policy/grants',
  summary: 'Lists grants, by subject or role, a page at a time',
  access: { kind: 'action', action: 'role.read', resource: 'tenant/grants' },
  query: z.object({
    subject_type: z.string().max(64).optional(),
    subject_id: z.string().max(256).optional(),
    role: z.string().max(64).optional(),
    active: z.enum(['true', 'false']).optional(),
    limit: z.coerce.number().int().min(1).max(200).default(50),
    cursor: z.string().max(64).optional(),
  }),
});

@Controller()
export class GrantListController {
  constructor(@Inject(PLATFORM) private readonly platform: Platform) {}

  @Route(list)
  async list(@Input() { query }: InputOf<typeof list>, @Caller() caller: Principal) {
    const { subject_type: type, subject_id: id, role, active, limit, cursor } = query;
    const where = {
      tenantId: caller.tenantId,
      ...(type && { subjectType: type }),
      ...(id && { subjectId: recordable(this.platform.pepper, { type: type ?? '', id }).id }),
      ...(role && { role }),
      ...(active && { active: active === 'true' }),
      ...(cursor && { grantId: MoreThan(cursor) }),
    };
    const rows = await readAsTenant(this.platform.database.source, caller.tenantId, (manager) =>
      manager.find(GrantRow, { where, order: { grantId: 'ASC' }, take: limit + 1 }),
    );
    const page = rows.slice(0, limit);
    return { grants: page.map(grantView), nextCursor: rows.length > limit ? (page.at(-1)?.grantId ?? null) : null };
  }
}
