import { RpcError, serve } from '@gatehouse/bus';
import { personalData } from '@gatehouse/contracts';
import type { Query } from '@gatehouse/event-store';
import type { NatsConnection } from '@nats-io/transport-node';

const pageSize = 500;
const maxInFlight = 4;
/** Kind and id of the last record that was given. */
const cursorPattern = /^(device|device_session) ([0-9a-f-]{36})$/;

interface Row {
  readonly kind: 'device' | 'device_session';
  readonly id: string;
  readonly record: Record<string, unknown>;
}

/** The next page of what is held on a person: devices she owns, sessions she opened, in whatever tenant. */
export async function findPersonalData(
  query: Query,
  { userId, cursor }: { userId: string; cursor?: string | undefined },
) {
  const after = cursor === undefined ? ['', '', '00000000-0000-0000-0000-000000000000'] : cursorPattern.exec(cursor);
  if (!after) throw new RpcError('malformed', 'the cursor is none of ours');
  const { rows } = await query.query<Row>(
    `select kind, id, record from (
       select 'device' as kind, device_id as id, jsonb_build_object('tenantId', tenant_id, 'deviceId', device_id, 'name', name,
         'hostname', hostname, 'status', status, 'approvedAt', approved_at) as record
       from devices where owner_type = 'user' and owner_id = $1
       union all
       select 'device_session', session_id, jsonb_build_object('tenantId', tenant_id, 'sessionId', session_id,
         'deviceId', device_id, 'kind', kind, 'detail', detail, 'decisions', decisions, 'grantedAt', granted_at)
       from sessions where subject_type = 'user' and subject_id = $1) held
     where (kind, id) > ($2, $3::uuid) order by kind, id limit ${pageSize}`,
    [userId, after[1], after[2]],
  );
  const last = rows.length === pageSize ? rows.at(-1) : undefined;
  const items = rows.map(({ kind, record }) => ({ kind, record }));
  return { items, ...(last && { nextCursor: `${last.kind} ${last.id}` }) };
}

/** `rpc.registry.personal_data`: NATS lets identity alone publish there. */
export const servePersonalData = (nc: NatsConnection, system: Query, onError: (error: Error) => void) =>
  serve(nc, personalData('registry'), (question) => findPersonalData(system, question), { maxInFlight, onError });
