import type { Envelope } from '@gatehouse/contracts';
import type { Query } from '@gatehouse/event-store';
import type { Projection } from '@gatehouse/projection';

type Client = Pick<Query, 'query'>;

/** Teams and who is in them. A deleted team keeps its row: its id is never used again. */
export const teamsProjection: Projection = {
  name: 'teams',
  version: 1,
  tables: ['teams', 'team_members'],
  types: ['team.created', 'team.renamed', 'team.deleted', 'team.member_added', 'team.member_removed'],
  inline: true,
  apply: async (client, events) => {
    for (const { envelope } of events) {
      const [text, ...values] = statements[envelope.type]?.(envelope) ?? [];
      if (text !== undefined)
        await (client as Client).query(text, [envelope.tenantId, envelope.data.teamId, ...values]);
    }
  },
};

/** Each is given tenant and team as its first two values. */
const statements: Readonly<Record<string, (event: Envelope) => readonly [string, ...unknown[]]>> = {
  'team.created': ({ data, occurredAt, revision }) => [
    `insert into teams (tenant_id, team_id, name, status, created_at, revision) values ($1, $2, $3, 'active', $4, $5)`,
    ...[data.name, occurredAt, revision],
  ],
  'team.renamed': ({ data, revision }) => [
    'update teams set name = $3, revision = $4 where tenant_id = $1 and team_id = $2',
    ...[data.name, revision],
  ],
  'team.deleted': ({ revision }) => [
    `update teams set status = 'deleted', revision = $3 where tenant_id = $1 and team_id = $2`,
    revision,
  ],
  'team.member_added': ({ data, occurredAt }) => [
    'insert into team_members (tenant_id, team_id, user_id, added_at) values ($1, $2, $3, $4) on conflict do nothing',
    ...[data.userId, occurredAt],
  ],
  'team.member_removed': ({ data }) => [
    'delete from team_members where tenant_id = $1 and team_id = $2 and user_id = $3',
    data.userId,
  ],
};
