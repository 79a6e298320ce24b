import type { InvitationRevoked, SealedField } from '@gatehouse/contracts';
import type { PostgresEventStore } from '@gatehouse/event-store';
import { newTraceContext } from '@gatehouse/telemetry';
import type pg from 'pg';
import type { AreaContext, PersonalData } from '../../area.js';
import { invitationStream, invitationSubject } from '../../tenancy/invitation/invitation.js';
import { destroySubjectKeys, type SubjectKeys } from '../../user/subject-keys.service.js';
import { appendToStream } from '../erasure/end-of-person.service.js';

export interface InvitationSources extends Pick<AreaContext, 'personalData'> {
  readonly store: PostgresEventStore;
  /** Connections of the system role. */
  readonly pool: pg.Pool;
  readonly subjectKeys: SubjectKeys;
}

interface Row {
  readonly tenant_id: string;
  readonly invitation_id: string;
  readonly email: SealedField | null;
  readonly role: string;
  readonly status: string;
  readonly created_at: Date;
  readonly expires_at: Date;
}

/** Sent to the person's address, or accepted by the person; the address is known as long as the person's row holds it. */
const ofPerson = `select i.tenant_id, i.invitation_id, i.email, i.role, i.status, i.created_at, i.expires_at
  from invitations i where i.email is not null and (i.accepted_by = $1
    or i.email_index = (select email_index from people where user_id = $1 and status in ('active', 'disabled')))
  order by i.created_at`;

/**
 * Invitations to a person's address. They were sealed before there was a person, each under a key of its own, which goes
 * with the person; a letter that waits, or lies in a folder, goes with it.
 */
export function invitationsHeld(sources: InvitationSources): PersonalData {
  const { pool, subjectKeys } = sources;
  const find = async (userId: string) => (await pool.query<Row>(ofPerson, [userId])).rows;
  return {
    kind: 'invitations',
    read: async (userId) =>
      Promise.all(
        (await find(userId)).map(async ({ tenant_id, invitation_id, email, role, status, created_at, expires_at }) => ({
          tenantId: tenant_id,
          invitationId: invitation_id,
          email: email && ((await subjectKeys.open(pool, tenant_id, 'email', email)) ?? null),
          role,
          status,
          createdAt: created_at,
          expiresAt: expires_at,
        })),
      ),
    erase: async (userId) => {
      const found = await find(userId);
      for (const row of found) await eraseInvitation(sources, row);
      return found.length;
    },
  };
}

/** Addresses of invitations that ended, or could have been accepted, until before a time: a page of them. */
export async function sweepInvitations(sources: InvitationSources, before: Date): Promise<number> {
  const { rows } = await sources.pool.query<Row>(
    `select tenant_id, invitation_id, email, role, status, created_at, expires_at from invitations
     where email is not null and coalesce(ended_at, expires_at) < $1 limit 100`,
    [before],
  );
  for (const row of rows) await eraseInvitation(sources, row);
  return rows.length;
}

/** Killed in between, the row still names the address, and everything is done again. */
async function eraseInvitation({ store, pool, personalData }: InvitationSources, row: Row): Promise<void> {
  const { tenant_id: tenantId, invitation_id: invitationId } = row;
  if (row.status === 'pending') await revoke(store, tenantId, invitationId);
  const subject = invitationSubject(invitationId);
  // Letters are kept by the subject whose key seals them, which is not always a person.
  for (const { kind, erase } of personalData()) if (kind === 'letters') await erase(subject);
  await destroySubjectKeys(pool, subject);
  await pool.query(
    'update invitations set email = null, email_index = null where tenant_id = $1 and invitation_id = $2',
    [tenantId, invitationId],
  );
}

async function revoke(store: PostgresEventStore, tenantId: string, invitationId: string): Promise<void> {
  const actor = { type: 'gatehouse', id: 'identity' };
  const context = { tenantId, actor, now: Date.now(), correlationId: newTraceContext().traceId };
  await store.together(tenantId, async (log, client) => {
    const { rowCount } = await client.query(
      `select from invitations where tenant_id = $1 and invitation_id = $2 and status = 'pending' for update`,
      [tenantId, invitationId],
    );
    if (rowCount !== 1) return;
    const data: InvitationRevoked = { invitationId, reason: 'erased' };
    await appendToStream(log, invitationStream(invitationId), { type: 'invitation.revoked', data }, context);
  });
}
