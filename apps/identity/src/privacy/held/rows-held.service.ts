import type pg from 'pg';
import type { PersonalData } from '../../area.js';

/**
 * Read models that name a person by id alone. They follow the log, so nothing is deleted in them: the erasure ends
 * memberships and keys by events.
 */
const readModels = [
  {
    kind: 'project_roles',
    text: `select tenant_id as "tenantId", project_id as "projectId", role, granted_at as "grantedAt" from project_roles
      where subject_type = 'user' and subject_id = $1::text order by tenant_id, project_id`,
  },
  {
    kind: 'keys',
    text: `select tenant_id as "tenantId", key_id as "keyId", name, display_prefix as "displayPrefix", enabled,
        created_at as "createdAt", expires_at as "expiresAt", networks from keys
      where principal_type = 'user' and principal_id = $1::text order by tenant_id, key_id`,
  },
] as const;

/** @param pool connections of the system role */
export const rowsHeld = (pool: pg.Pool): readonly PersonalData[] =>
  readModels.map(({ kind, text }) => ({
    kind,
    read: async (userId) => (await pool.query<Record<string, unknown>>(text, [userId])).rows,
    erase: async () => 0,
  }));
