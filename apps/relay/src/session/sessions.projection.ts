import type { Projection } from '@gatehouse/projection';
import type { SessionStarted } from './session-log.js';

/** Sessions that have not ended, of all relays. The registry keeps the others. */
export const sessionsProjection: Projection = {
  name: 'sessions',
  version: 1,
  tables: ['sessions'],
  types: ['device.session.started', 'device.session.resumed', 'device.session.ended'],
  apply: async (query, events) => {
    for (const { envelope } of events) {
      const { tenantId, type, occurredAt } = envelope;
      const data = envelope.data as unknown as SessionStarted;
      if (type === 'device.session.started') {
        const { sessionId, deviceId, subject, kind, source, relayId } = data;
        await query.query(
          `insert into sessions (tenant_id, session_id, device_id, subject_type, subject_id, kind, source, relay_id,
             started_at, since) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)`,
          [tenantId, sessionId, deviceId, subject.type, subject.id, kind, source ?? null, relayId, occurredAt],
        );
      } else if (type === 'device.session.resumed')
        await query.query('update sessions set relay_id = $3, since = $4 where tenant_id = $1 and session_id = $2', [
          tenantId,
          data.sessionId,
          data.relayId,
          occurredAt,
        ]);
      else
        await query.query('delete from sessions where tenant_id = $1 and session_id = $2', [tenantId, data.sessionId]);
    }
  },
};
