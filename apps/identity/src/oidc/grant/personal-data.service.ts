import type { PersonalData } from '../../area.js';
import type { Records } from '../record/records.service.js';
import type { Grants } from './grants.service.js';

interface GrantRow {
  readonly id: string;
  readonly client_id: string;
  readonly tenant_id: string | null;
  readonly created_at: Date;
  readonly expires_at: Date;
}

/** The clients that a person let in. */
export const grantData = (records: Records, grants: Grants): PersonalData => ({
  kind: 'oauth_grants',
  read: async (userId) => {
    const { rows } = await records.pool.query<GrantRow>(
      `select id, client_id, tenant_id, created_at, expires_at from oidc_records
       where model = 'Grant' and user_id = $1 order by created_at limit 10000`,
      [userId],
    );
    return rows.map((row) => ({
      grantId: row.id,
      clientId: row.client_id,
      tenantId: row.tenant_id,
      since: row.created_at.toISOString(),
      until: row.expires_at.toISOString(),
    }));
  },
  erase: async (userId) => {
    let count = 0;
    for (let ended = -1; ended !== 0; count += ended) ended = await grants.revokeAll({ userId }, 'erased');
    const { rowCount } = await records.pool.query('delete from oidc_records where user_id = $1', [userId]);
    return count + (rowCount ?? 0);
  },
});
