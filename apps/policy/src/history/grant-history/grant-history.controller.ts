import type { Envelope, Position } from '@gatehouse/contracts';
import { formatScope, parseScope } from '@gatehouse/evaluator';
import { asTenant, parseEnvelope } from '@gatehouse/event-store';
import { Caller, defineRoute, Input, type InputOf, type Principal, ProblemError, Route } from '@gatehouse/http';
import { PLATFORM, type Platform } from '@gatehouse/service';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import { recordable } from '../../decision/identifiers.js';
import { grantStream } from '../../grant/grant.js';
import { periodsOf } from './grant-periods.js';

const history = defineRoute({
  method: 'GET',
  path: '/api/v1/policy/grants/history',
  summary:
    'Lists the grants of a subject or on a resource, also those that ended, with the events that made and ended them',
  access: { kind: 'action', action: 'role.read', resource: 'tenant/grants' },
  query: z.object({
    subject_type: z.string().min(1).max(64).optional(),
    subject_id: z.string().min(1).max(256).optional(),
    resource: z.string().min(1).max(577).optional().describe('`type/id`, or `*` for grants on the whole tenant'),
    limit: z.coerce.number().int().min(1).max(100).default(50),
    cursor: z.string().max(64).optional(),
  }),
});
type Query = InputOf<typeof history>['query'];

interface GrantRow {
  readonly grant_id: string;
  readonly subject_type: string;
  readonly subject_id: string;
  readonly role: string;
  readonly scope: string;
  readonly active: boolean;
}

/** Events of one page, at most: somebody may grant and revoke the same for years. */
const maxEvents = 5_000;

@Controller()
export class GrantHistoryController {
  constructor(@Inject(PLATFORM) private readonly platform: Platform) {}

  @Route(history)
  async history(@Input() { query }: InputOf<typeof history>, @Caller() { tenantId }: Principal) {
    const { subject, scope } = this.names(query);
    const { grants, events } = await asTenant(this.platform.database.request, tenantId, async (client) => {
      const { rows } = await client.query<GrantRow>({
        name: 'grant-history',
        text: `select grant_id, subject_type, subject_id, role, scope, active from grants
               where tenant_id = $1 and ($2::text is null or (subject_type = $2 and subject_id = $3))
                 and ($4::text is null or scope = $4) and grant_id > $5
               order by grant_id limit $6`,
        values: [
          tenantId,
          subject?.type ?? null,
          subject?.id ?? null,
          scope ?? null,
          query.cursor ?? '',
          query.limit + 1,
        ],
      });
      const streams = rows.slice(0, query.limit).map((row) => grantStream(row.grant_id));
      const found = await client.query<{ tx: string; seq: string; envelope: string }>({
        name: 'grant-events',
        text: `select tx::text, seq::text, envelope from events where tenant_id = $1 and stream_id = any($2)
               order by stream_id, revision desc limit ${maxEvents}`,
        values: [tenantId, streams],
      });
      return { grants: rows, events: byStream(found.rows) };
    });
    const page = grants.slice(0, query.limit);
    return {
      grants: page.map((row) => ({
        grantId: row.grant_id,
        subject: { type: row.subject_type, id: row.subject_id },
        role: row.role,
        scope: row.scope,
        active: row.active,
        periods: periodsOf(events.get(grantStream(row.grant_id)) ?? []),
      })),
      nextCursor: grants.length > query.limit ? (page.at(-1)?.grant_id ?? null) : null,
    };
  }

  private names({ subject_type: type, subject_id: id, resource }: Query) {
    const { pepper } = this.platform;
    if ((type === undefined) !== (id === undefined) || (type === undefined && resource === undefined))
      throw refuse('query', 'needs subject_type and subject_id, or resource, or all three');
    const scope = resource === undefined ? undefined : parseScope(resource, 'query.resource');
    if (scope && !scope.ok) throw new ProblemError('validation_failed', undefined, { errors: scope.errors });
    return {
      subject: type !== undefined && id !== undefined ? recordable(pepper, { type, id }) : undefined,
      scope: scope && formatScope(scope.value === '*' ? '*' : recordable(pepper, scope.value)),
    };
  }
}

const refuse = (path: string, message: string) =>
  new ProblemError('validation_failed', undefined, { errors: [{ path, message }] });

/** Oldest first in each stream. */
function byStream(rows: readonly { tx: string; seq: string; envelope: string }[]) {
  const events = new Map<string, { envelope: Envelope; position: Position }[]>();
  for (const { tx, seq, envelope: text } of [...rows].reverse()) {
    const envelope = parseEnvelope(text);
    const of = events.get(envelope.streamId) ?? [];
    of.push({ envelope, position: { tx: BigInt(tx), seq: BigInt(seq) } });
    events.set(envelope.streamId, of);
  }
  return events;
}
