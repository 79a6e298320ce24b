import { memberRole } from '@gatehouse/contracts';
import { z } from 'zod';
import type { InvitationRow } from './invitation-rows.service.js';

export const invitationView = z.object({
  invitationId: z.uuid(),
  /** Absent once the address was erased. */
  email: z.string().optional(),
  role: memberRole,
  teamIds: z.array(z.string()),
  status: z.enum(['pending', 'expired', 'accepted', 'revoked']),
  expiresAt: z.iso.datetime(),
  createdAt: z.iso.datetime(),
  invitedBy: z.object({ type: z.string(), id: z.string() }),
  acceptedBy: z.uuid().optional(),
});

export function viewOfInvitation(row: InvitationRow, email: string | undefined, nowMs: number) {
  const expired = row.status === 'pending' && row.expiresAt.getTime() <= nowMs;
  return {
    invitationId: row.invitationId,
    ...(email !== undefined && { email }),
    role: row.role,
    teamIds: [...row.teamIds],
    status: expired ? ('expired' as const) : row.status,
    expiresAt: row.expiresAt.toISOString(),
    createdAt: row.createdAt.toISOString(),
    invitedBy: { type: row.inviterType, id: row.inviterId },
    ...(row.acceptedBy !== null && { acceptedBy: row.acceptedBy }),
  };
}
