import type { InvitationRevoked } from '@gatehouse/contracts';
import type { PostgresEventStore } from '@gatehouse/event-store';
import { newTraceContext } from '@gatehouse/telemetry';
import type pg from 'pg';
import type { AreaContext } from '../../area.js';
import { invitationStream, invitationSubject } from '../../tenancy/invitation/invitation.js';
import { destroySubjectKeys } from '../../user/subject-keys.service.js';
import { appendToStream } from './end-of-person.service.js';

export interface InvitationSources extends Pick<AreaContext, 'personalData'> {
  readonly store: PostgresEventStore;
  /** Connections of the system role. */
  readonly pool: pg.Pool;
}

interface Row {
  readonly tenant_id: string;
  readonly invitation_id: string;
  readonly status: string;
}

/** Sent to the person's address, or accepted by the person; the address is known as long as the person's row holds it. */
const ofPerson = `select i.tenant_id, i.invitation_id, i.status from invitations i where i.email is not null and (i.accepted_by = $1
    or i.email_index = (select email_index from people where user_id = $1 and status in ('active', 'disabled')))
  order by i.created_at`;

/**
 * The end of invitations to a person's address. They were sealed before there was a person, each under a key of its own,
 * which goes with the person; one that waits is revoked, and a letter that waits, or lies in a folder, goes with it.
 * Before the area that keeps them forgets the address: by it they are found. Answers how many there were.
 */
export async function eraseInvitations(sources: InvitationSources, userId: string): Promise<number> {
  const { rows } = await sources.pool.query<Row>(ofPerson, [userId]);
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
