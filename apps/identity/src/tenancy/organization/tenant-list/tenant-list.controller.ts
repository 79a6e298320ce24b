import { Caller, defineRoute, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import { Memberships } from '../../memberships.service.js';
import { path } from '../../names.js';
import { pageOf, pageQuery } from '../../page.js';
import { personOf } from '../../person-caller.js';
import { membershipView } from '../tenant-view.js';

const list = defineRoute({
  method: 'GET',
  path: `${path}/tenants`,
  summary: 'Lists the tenants the caller is a member of, with the role in each',
  access: { kind: 'authenticated' },
  query: pageQuery,
  response: z.object({ tenants: z.array(membershipView), nextCursor: z.string().nullable() }),
  problems: ['person_required', 'forbidden'],
});

@Controller()
export class TenantListController {
  constructor(@Inject(Memberships) private readonly memberships: Memberships) {}

  /** Across tenants, and that is decided by what is asked: one's own memberships. */
  @Route(list)
  async list(@Input() { query }: InputOf<typeof list>, @Caller() caller: Principal) {
    const userId = personOf(caller, 'tenant.list');
    const rows = await this.memberships.tenantsOf(userId, { after: query.cursor, limit: query.limit + 1 });
    const { page, nextCursor } = pageOf(rows, query.limit, ({ tenantId }) => tenantId);
    return { tenants: page.map((row) => ({ ...row, addedAt: row.addedAt.toISOString() })), nextCursor };
  }
}
