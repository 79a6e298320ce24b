import type { Query } from '@gatehouse/event-store';
import type { PersonalData } from '../../area.js';

interface Row {
  readonly tenantId: string;
  readonly tenant: string;
  readonly role: string;
  readonly status: string;
  readonly since: Date;
  readonly teams: readonly string[];
}

/**
 * Where somebody belongs and belonged. The rows fold events that name a person by an id alone, so there is nothing here
 * to erase: what ends memberships is `removeEverywhere`.
 *
 * @param pool connections of the system role
 */
export const membershipData = (pool: Query): PersonalData => ({
  kind: 'memberships',
  read: async (userId) => {
    const { rows } = await pool.query<Row>(
      `select m.tenant_id as "tenantId", t.name as tenant, m.role, m.status, m.added_at as since,
         array(select tm.team_id from team_members tm
           where tm.tenant_id = m.tenant_id and tm.user_id = m.user_id order by tm.team_id) as teams
       from members m join tenants t using (tenant_id) where m.user_id = $1 order by m.tenant_id`,
      [userId],
    );
    return rows.map((row) => ({ ...row, since: row.since.toISOString() }));
  },
  erase: async () => 0,
});
