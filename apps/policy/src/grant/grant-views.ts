import type { GrantRow } from './grant-list/grant-list.entity.js';

export const grantView = (row: GrantRow) => ({
  grantId: row.grantId,
  subject: { type: row.subjectType, id: row.subjectId },
  role: row.role,
  scope: row.scope,
  active: row.active,
  revision: row.revision,
  grantedBy: { type: row.grantedByType, id: row.grantedById },
  grantedAt: row.grantedAt.toISOString(),
});
