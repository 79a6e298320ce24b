import type { SealedField } from '@gatehouse/contracts';
import type { Client } from '../tenancy-change.service.js';
import type { Invitation } from './invitation.js';

export interface InvitationRow extends Invitation {
  readonly email: SealedField | null;
  readonly inviterType: string;
  readonly inviterId: string;
  readonly createdAt: Date;
  readonly acceptedBy: string | null;
  readonly revision: number;
}

export const invitationColumns = `invitation_id as "invitationId", status, role, team_ids as "teamIds",
  email_index as "emailIndex", email, expires_at as "expiresAt", sends, inviter_type as "inviterType",
  inviter_id as "inviterId", created_at as "createdAt", accepted_by as "acceptedBy", revision`;

export async function findInvitation(
  client: Client,
  tenantId: string,
  invitationId: string,
): Promise<InvitationRow | undefined> {
  const { rows } = await client.query<InvitationRow>(
    `select ${invitationColumns} from invitations where tenant_id = $1 and invitation_id = $2`,
    [tenantId, invitationId],
  );
  return rows[0];
}

/** Letters of the last 24 hours: first ones, and as many as invitations of that time were sent again. */
export async function countSent(client: Client, tenantId: string, nowMs: number): Promise<number> {
  const { rows } = await client.query<{ sent: number }>(
    `select coalesce(sum(sends), 0)::int as sent from invitations where tenant_id = $1 and created_at > $2`,
    [tenantId, new Date(nowMs - 86_400_000)],
  );
  return rows[0]?.sent ?? 0;
}

/** Invitations of one address that could still be accepted, were it not for a newer one. */
export async function pendingOf(client: Client, tenantId: string, emailIndex: string): Promise<readonly string[]> {
  const { rows } = await client.query<{ id: string }>(
    `select invitation_id as id from invitations where tenant_id = $1 and email_index = $2 and status = 'pending'`,
    [tenantId, emailIndex],
  );
  return rows.map(({ id }) => id);
}
