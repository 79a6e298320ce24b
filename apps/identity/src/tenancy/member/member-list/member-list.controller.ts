import { Caller, defineRoute, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { PLATFORM, type Platform } from '@gatehouse/service';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import { People } from '../../../person/people.service.js';
import { type Member, Memberships } from '../../memberships.service.js';
import { ownTenant, path } from '../../names.js';
import { pageOf, uuidPageQuery } from '../../page.js';
import { isAbove } from '../../rank.js';
import { roleOfActor } from '../../tenancy-change.service.js';
import { memberView, viewOfMember } from '../member-view.js';

const list = defineRoute({
  method: 'GET',
  path: `${path}/members`,
  summary: "Lists the members of the caller's tenant; their addresses only for whoever ranks as maintainer or above",
  access: { kind: 'action', action: 'members.read', resource: ownTenant },
  query: uuidPageQuery,
  response: z.object({
    members: z.array(memberView.extend({ name: z.string().optional(), email: z.string().optional() })),
    nextCursor: z.string().nullable(),
  }),
});

@Controller()
export class MemberListController {
  constructor(
    @Inject(Memberships) private readonly memberships: Memberships,
    @Inject(People) private readonly people: People,
    @Inject(PLATFORM) private readonly platform: Platform,
  ) {}

  /** Names are for everybody in the house; addresses for those who may invite people by theirs, and one's own. */
  @Route(list)
  async list(@Input() { query }: InputOf<typeof list>, @Caller() caller: Principal) {
    const { tenantId } = caller;
    const role = await roleOfActor(this.platform.database.system, tenantId, caller);
    const seesAddresses = !isAbove('maintainer', role);
    const rows = await this.memberships.membersOf(tenantId, { after: query.cursor, limit: query.limit + 1 });
    const { page, nextCursor } = pageOf(rows, query.limit, ({ userId }) => userId);
    const members = page.map((row) => this.#described(row, seesAddresses || row.userId === caller.id));
    return { members: await Promise.all(members), nextCursor };
  }

  async #described(row: Member, withAddress: boolean) {
    const person = await this.people.byId(row.userId);
    const { name, email } = person ? await this.people.profileOf(person) : {};
    return {
      ...viewOfMember(row),
      ...(name !== undefined && { name }),
      ...(withAddress && email !== undefined && { email }),
    };
  }
}
