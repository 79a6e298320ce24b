import type { DeviceSessionGranted } from '@gatehouse/contracts';
import type { Projection } from '@gatehouse/projection';

/** Sessions as they were granted; what became of them is the relay's to tell. */
export const sessionsProjection: Projection = {
  name: 'sessions',
  version: 1,
  tables: ['sessions'],
  types: ['device.session.granted'],
  inline: true,
  apply: async (query, events) => {
    for (const { envelope } of events) {
      const data = envelope.data as unknown as DeviceSessionGranted;
      const { sessionId, deviceId, subject, kind, detail, actions, decisions } = data;
      await query.query(
        `insert into sessions (tenant_id, session_id, device_id, subject_type, subject_id, kind, detail, actions, decisions,
           client_key, scope_hash, granted_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
         on conflict (tenant_id, session_id) do update set actions = excluded.actions, decisions = excluded.decisions,
           expires_at = excluded.expires_at, renewals = sessions.renewals + 1`,
        [
          ...[
            envelope.tenantId,
            sessionId,
            deviceId,
            subject.type,
            subject.id,
            kind,
            detail ?? null,
            actions,
            decisions,
          ],
          ...[data.clientKey, data.scopeHash, envelope.occurredAt, data.expiresAt],
        ],
      );
    }
  },
};
