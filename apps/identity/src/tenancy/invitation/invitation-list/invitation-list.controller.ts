import { Caller, defineRoute, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { PLATFORM, type Platform } from '@gatehouse/service';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import { ownTenant, path } from '../../names.js';
import { pageOf, uuidPageQuery } from '../../page.js';
import { rowsOf } from '../../tenancy-command.service.js';
import { type InvitationRow, invitationColumns } from '../invitation-rows.service.js';
import { invitationView } from '../invitation-view.js';
import { Inviting } from '../inviting.service.js';

const list = defineRoute({
  method: 'GET',
  path: `${path}/invitations`,
  summary: "Lists the tenant's invitations, oldest first",
  access: { kind: 'action', action: 'members.invite', resource: ownTenant },
  query: uuidPageQuery.extend({ status: z.enum(['pending', 'accepted', 'revoked']).optional() }),
  response: z.object({ invitations: z.array(invitationView), nextCursor: z.string().nullable() }),
});

@Controller()
export class InvitationListController {
  constructor(
    @Inject(PLATFORM) private readonly platform: Platform,
    @Inject(Inviting) private readonly inviting: Inviting,
  ) {}

  @Route(list)
  async list(@Input() { query }: InputOf<typeof list>, @Caller() { tenantId }: Principal) {
    const { limit, cursor = null, status = null } = query;
    const rows = await rowsOf<InvitationRow>(
      this.platform,
      tenantId,
      `select ${invitationColumns} from invitations
       where tenant_id = $1 and ($2::uuid is null or invitation_id > $2) and ($3::text is null or status = $3)
       order by invitation_id limit $4`,
      [tenantId, cursor, status, limit + 1],
    );
    const { page, nextCursor } = pageOf(rows, limit, ({ invitationId }) => invitationId);
    return { invitations: await this.inviting.shownAll(tenantId, page, Date.now()), nextCursor };
  }
}
