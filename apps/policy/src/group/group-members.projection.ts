import type { GroupJoined } from '@gatehouse/contracts';
import type { Projection } from '@gatehouse/projection';

/** Who is in which group now: loaded into memory at start. */
export const groupMembersProjection: Projection = {
  name: 'group_members',
  version: 1,
  tables: ['group_members'],
  types: ['group.joined', 'group.left'],
  inline: true,
  apply: async (query, events) => {
    for (const { envelope } of events) {
      const { group, member } = envelope.data as unknown as GroupJoined;
      const values = [envelope.tenantId, JSON.stringify(group), JSON.stringify(member)];
      await query.query(
        envelope.type === 'group.joined'
          ? `insert into group_members (tenant_id, group_entity, member_entity) values ($1, $2, $3) on conflict do nothing`
          : 'delete from group_members where tenant_id = $1 and group_entity = $2 and member_entity = $3',
        values,
      );
    }
  },
};
