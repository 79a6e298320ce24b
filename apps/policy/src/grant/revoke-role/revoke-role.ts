import type { NewEvent } from '@gatehouse/event-store';
import type { Grant } from '../grant.js';

export const revokeRole =
  () =>
  (grant: Grant): readonly NewEvent[] =>
    grant.status === 'active' ? [{ type: 'role.revoked', version: 1, data: { grantId: grant.granted.grantId } }] : [];
