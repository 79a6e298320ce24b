import {
  deviceSessionEnded,
  deviceSessionRefused,
  deviceSessionResumed,
  deviceSessionRevoked,
  deviceSessionStarted,
  type Envelope,
  recordingChunk,
  recordingClosed,
  tunnelClosed,
  tunnelOpened,
} from '@gatehouse/contracts';
import type { ProjectedEvent } from '@gatehouse/projection';
import type pg from 'pg';

type Client = Pick<pg.PoolClient, 'query'>;
type Apply = (client: Client, envelope: Envelope) => Promise<unknown>;

/** Different words of a session's device that are listed. They are its own: a device that makes them up fills no row. */
const maxRefusals = 8;

const noteStatus = (client: Client, envelope: Envelope, deviceId: string, status: string, reason: string | null) =>
  client.query(
    `insert into device_status_history (tenant_id, device_id, event_id, at, status, reason)
     values ($1, $2, $3, $4, $5, $6) on conflict do nothing`,
    [envelope.tenantId, deviceId, envelope.id, envelope.occurredAt, status, reason],
  );

/** A later tunnel replaces an earlier one: the device was there all the time. */
const opened: Apply = async (client, envelope) => {
  const { deviceId, tunnelId, relayId, carrier } = tunnelOpened.parse(envelope.data);
  const { rows } = await client.query<{ was: string | null }>(
    `with before as (select status from device_presence where tenant_id = $1 and device_id = $2)
     insert into device_presence (tenant_id, device_id, tunnel_id, relay_id, carrier, status, since)
     values ($1, $2, $3, $4, $5, 'online', $6)
     on conflict (tenant_id, device_id) do update set tunnel_id = excluded.tunnel_id, relay_id = excluded.relay_id,
       carrier = excluded.carrier, status = 'online',
       since = case when device_presence.status = 'online' then device_presence.since else excluded.since end
     returning (select status from before) as was`,
    [envelope.tenantId, deviceId, tunnelId, relayId, carrier, envelope.occurredAt],
  );
  if (rows[0]?.was !== 'online') await noteStatus(client, envelope, deviceId, 'online', null);
};

/** A tunnel that was replaced meanwhile says nothing of the device. */
const closed: Apply = async (client, envelope) => {
  const { deviceId, tunnelId, reason } = tunnelClosed.parse(envelope.data);
  const { rowCount } = await client.query(
    `update device_presence set status = 'offline', since = $4
     where tenant_id = $1 and device_id = $2 and tunnel_id = $3 and status = 'online'`,
    [envelope.tenantId, deviceId, tunnelId, envelope.occurredAt],
  );
  if (rowCount) await noteStatus(client, envelope, deviceId, 'offline', reason);
};

/** Sets columns of a session's activity, whose row may not be there yet. Values follow the tenant and the session. */
const set = (client: Client, { tenantId }: Envelope, sessionId: string, values: Readonly<Record<string, unknown>>) => {
  const names = Object.keys(values);
  const places = names.map((_name, i) => `$${i + 3}`);
  return client.query(
    `insert into session_activity (tenant_id, session_id, ${names.join(', ')}) values ($1, $2, ${places.join(', ')})
     on conflict (tenant_id, session_id) do update set ${names.map((name) => `${name} = excluded.${name}`).join(', ')}`,
    [tenantId, sessionId, ...Object.values(values)],
  );
};

const changes: Readonly<Record<string, Apply>> = {
  'tunnel.opened': opened,
  'tunnel.closed': closed,
  'device.session.started': (client, envelope) => {
    const { sessionId, relayId, source } = deviceSessionStarted.parse(envelope.data);
    return set(client, envelope, sessionId, {
      relay_id: relayId,
      source: source ?? null,
      started_at: envelope.occurredAt,
    });
  },
  'device.session.resumed': async (client, envelope) => {
    const { sessionId, relayId } = deviceSessionResumed.parse(envelope.data);
    await set(client, envelope, sessionId, { relay_id: relayId });
    await client.query('update session_activity set resumed = resumed + 1 where tenant_id = $1 and session_id = $2', [
      ...[envelope.tenantId, sessionId],
    ]);
  },
  'device.session.ended': (client, envelope) => {
    const data = deviceSessionEnded.parse(envelope.data);
    return set(client, envelope, data.sessionId, {
      ended_at: envelope.occurredAt,
      reason: data.reason,
      exit_code: data.exit?.code ?? null,
      exit_signal: data.exit?.signal ?? null,
      bytes_in: data.bytesIn ?? null,
      bytes_out: data.bytesOut ?? null,
      duration_ms: Math.round(data.durationMs),
    });
  },
  'device.session.revoked': (client, envelope) => {
    const { sessionId, decision, cause } = deviceSessionRevoked.parse(envelope.data);
    return set(client, envelope, sessionId, { revoked_by: decision ?? cause });
  },
  'device.session.refused': (client, envelope) => {
    const { sessionId, code } = deviceSessionRefused.parse(envelope.data);
    return client.query(
      `insert into session_activity as known (tenant_id, session_id, refused) values ($1, $2, array[$3])
       on conflict (tenant_id, session_id) do update set refused = array_append(known.refused, $3)
       where $3 <> all (known.refused) and cardinality(known.refused) < $4`,
      [envelope.tenantId, sessionId, code, maxRefusals],
    );
  },
  'recording.chunk_recorded': async (client, envelope) => {
    const { sessionId, index, bytes, sha256 } = recordingChunk.parse(envelope.data);
    // The first word about a chunk counts: it cannot be another one afterwards.
    await client.query(
      `insert into recording_chunks (tenant_id, session_id, chunk, bytes, sha256) values ($1, $2, $3, $4, $5)
       on conflict do nothing`,
      [envelope.tenantId, sessionId, index, bytes, sha256],
    );
    await set(client, envelope, sessionId, { recording: 'recording', chunks: index + 1 });
  },
  'recording.closed': (client, envelope) => {
    const { sessionId, chunks } = recordingClosed.parse(envelope.data);
    return set(client, envelope, sessionId, { recording: 'closed', chunks });
  },
  'recording.truncated': (client, envelope) => {
    const { sessionId, chunks } = recordingClosed.parse(envelope.data);
    return set(client, envelope, sessionId, { recording: 'truncated', chunks });
  },
};

/** Keeps who is there and what sessions did, as relays tell it. */
export async function applyRelayFacts(client: Client, events: readonly ProjectedEvent[]): Promise<void> {
  for (const { envelope } of events) await changes[envelope.type]?.(client, envelope);
}
