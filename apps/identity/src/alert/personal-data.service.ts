import type pg from 'pg';
import type { PersonalData } from '../area.js';

/**
 * What alerts hold on a person beside events: that letters go to that person, and how many places the person's keys were
 * seen in. The places themselves are kept as hashes, which nobody can show.
 *
 * @param system connections of the system role
 */
export const alertPersonalData = (system: pg.Pool): readonly PersonalData[] => [
  {
    kind: 'alert_channels',
    read: async (userId) => {
      const text = `select tenant_id as "tenantId", name, created_at as "createdAt" from alert_channels
        where user_id = $1 order by created_at`;
      return (await system.query<Record<string, unknown>>(text, [userId])).rows;
    },
    erase: async (userId) =>
      (await system.query('delete from alert_channels where user_id = $1', [userId])).rowCount ?? 0,
  },
  {
    kind: 'key_places',
    read: async (userId) => {
      const text = `select tenant_id as "tenantId", key_id as "keyId", kind, count(*)::int as places,
          min(first_at) as "firstAt" from alert_places where user_id = $1 group by tenant_id, key_id, kind`;
      return (await system.query<Record<string, unknown>>(text, [userId])).rows;
    },
    erase: async (userId) =>
      (await system.query('delete from alert_places where user_id = $1', [userId])).rowCount ?? 0,
  },
];
