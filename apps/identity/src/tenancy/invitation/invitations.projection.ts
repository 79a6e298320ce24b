import type { Envelope, InvitationAccepted, InvitationCreated, InvitationResent } from '@gatehouse/contracts';
import type { Query } from '@gatehouse/event-store';
import type { Projection } from '@gatehouse/projection';
import type { Secrets } from '../../area.js';
import { emailIndex } from '../../person/people.projection.js';
import { openSealed } from '../../user/subject-keys.service.js';

type Client = Pick<Query, 'query'>;

/**
 * Invitations with the index of their address, which is opened to compute it: once its key is destroyed, a rebuild finds
 * neither.
 */
export const invitationsProjection = ({ root, pepper }: Secrets): Projection => ({
  name: 'invitations',
  version: 1,
  tables: ['invitations'],
  types: ['invitation.created', 'invitation.resent', 'invitation.accepted', 'invitation.revoked'],
  inline: true,
  apply: async (client, events) => {
    for (const { envelope } of events) {
      if (envelope.type === 'invitation.created') await insert(client as Client, envelope);
      else await change(client as Client, envelope);
    }

    async function insert(query: Client, { tenantId, data, sealed, actor, occurredAt, revision }: Envelope) {
      const { invitationId, role, teamIds, fingerprint, expiresAt } = data as unknown as InvitationCreated;
      const email = sealed?.email && (await openSealed(root, query, tenantId, 'email', sealed.email));
      const known = email !== undefined;
      await query.query(
        `insert into invitations (tenant_id, invitation_id, email_index, email, role, team_ids, fingerprint, status,
           expires_at, created_at, sends, inviter_type, inviter_id, revision)
         values ($1, $2, $3, $4, $5, $6, $7, 'pending', $8, $9, 1, $10, $11, $12)`,
        [
          tenantId,
          invitationId,
          known ? emailIndex(pepper, email) : null,
          known ? JSON.stringify(sealed?.email) : null,
          role,
          teamIds,
          fingerprint,
          expiresAt,
          occurredAt,
          actor.type,
          actor.id,
          revision,
        ],
      );
    }
  },
});

async function change(query: Client, envelope: Envelope): Promise<void> {
  const [set, ...values] = changes[envelope.type]?.(envelope) ?? [];
  if (set === undefined) return;
  await query.query(`update invitations set ${set}, revision = $3 where tenant_id = $1 and invitation_id = $2`, [
    envelope.tenantId,
    envelope.data.invitationId,
    envelope.revision,
    ...values,
  ]);
}

const changes: Readonly<Record<string, (event: Envelope) => readonly [string, ...unknown[]]>> = {
  // The letter goes out in the name of whoever sends it again, so it is his rank that counts at acceptance.
  'invitation.resent': ({ data, actor }) => {
    const { fingerprint, expiresAt } = data as unknown as InvitationResent;
    return [
      'fingerprint = $4, expires_at = $5, inviter_type = $6, inviter_id = $7, sends = sends + 1',
      ...[fingerprint, expiresAt, actor.type, actor.id],
    ];
  },
  'invitation.accepted': ({ data, occurredAt }) => [
    `status = 'accepted', accepted_by = $4, ended_at = $5`,
    (data as unknown as InvitationAccepted).userId,
    occurredAt,
  ],
  'invitation.revoked': ({ occurredAt }) => [`status = 'revoked', ended_at = $4`, occurredAt],
};
