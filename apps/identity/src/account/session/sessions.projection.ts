import type { SessionEnded, SessionStarted } from '@gatehouse/contracts';
import type { Projection } from '@gatehouse/projection';

/** Open sessions, written with their events: a session that ended is gone from here before anybody is told. */
export const sessionsProjection: Projection = {
  name: 'sessions',
  version: 1,
  tables: ['sessions'],
  types: ['session.started', 'session.ended'],
  inline: true,
  apply: async (query, events) => {
    for (const { envelope } of events) {
      if (envelope.type === 'session.ended') {
        const { sessionId } = envelope.data as unknown as SessionEnded;
        await query.query('delete from sessions where session_id = $1', [sessionId]);
        continue;
      }
      const { sessionId, userId, methods, clientId } = envelope.data as unknown as SessionStarted;
      await query.query(
        `insert into sessions (tenant_id, session_id, user_id, methods, client_id, started_at)
         values ($1, $2, $3, $4, $5, $6)`,
        [envelope.tenantId, sessionId, userId, methods, clientId ?? null, envelope.occurredAt],
      );
    }
  },
};
