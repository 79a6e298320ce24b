import { asTenant, type Query } from '@gatehouse/event-store';
import { Caller, defineRoute, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { PLATFORM, type Platform } from '@gatehouse/service';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';

const read = defineRoute({
  method: 'GET',
  path: '/api/v1/vault/exposure',
  summary: 'How many secrets have left the vault, counted from what was really given',
  access: { kind: 'action', action: 'secret.list', resource: 'tenant/secrets' },
  query: z.object({ days: z.coerce.number().int().min(1).max(3_650).default(30) }),
  response: z.object({
    /** Secrets that there are. */
    secrets: z.int(),
    /** Of them, those whose present version was given to somebody in this time: "secrets exposed". */
    exposed: z.int(),
    reads: z.int(),
    readers: z.int(),
    denied: z.int(),
    days: z.int(),
  }),
});

/** Counted in one statement, so that the figures belong together. */
async function exposureOf(query: Query, tenantId: string, days: number) {
  const { rows } = await query.query(
    `with given as (
       select * from disclosures where tenant_id = $1 and occurred_at >= now() - make_interval(days => $2))
     select (select count(*)::int from secrets where tenant_id = $1) as secrets,
       (select count(distinct s.secret_id)::int from given g join secrets s
          on s.tenant_id = g.tenant_id and s.secret_id = g.secret_id and s.current_version = g.version
          where g.allowed) as exposed,
       (select count(*)::int from given where allowed and version > 0) as reads,
       (select count(distinct (subject_type, subject_id))::int from given where allowed and version > 0) as readers,
       (select count(*)::int from given where not allowed) as denied`,
    [tenantId, days],
  );
  return rows[0];
}

@Controller()
export class ExposureController {
  constructor(@Inject(PLATFORM) private readonly platform: Platform) {}

  @Route(read)
  async read(@Input() { query }: InputOf<typeof read>, @Caller() { tenantId }: Principal) {
    const { request } = this.platform.database;
    return { ...(await asTenant(request, tenantId, (client) => exposureOf(client, tenantId, query.days))), ...query };
  }
}
