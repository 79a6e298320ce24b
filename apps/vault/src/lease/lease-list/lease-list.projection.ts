import type { Envelope, LeaseAdopted, LeaseRequested, LeaseRevocationStarted } from '@gatehouse/contracts';
import type { Projection } from '@gatehouse/projection';

type Query = Parameters<Projection['apply']>[0];

async function begin(query: Query, { tenantId, revision, occurredAt, actor, type, data }: Envelope): Promise<void> {
  const lease = data as LeaseRequested | LeaseAdopted;
  const asked = type === 'lease.requested';
  const credential = asked ? ((data as LeaseRequested).credential ?? null) : null;
  await query.query(
    `insert into leases (tenant_id, lease_id, database, role, username, holder, principal_type, principal_id, credential,
       status, requested_at, valid_until, max_until, since, revision)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $11, $14)
     on conflict (tenant_id, lease_id) do update set status = excluded.status, valid_until = excluded.valid_until,
       max_until = excluded.max_until, renew_until = null, since = excluded.since, revision = excluded.revision`,
    [
      tenantId,
      lease.leaseId,
      lease.database,
      lease.role,
      lease.username,
      lease.holder ?? null,
      asked ? actor.type : null,
      asked ? actor.id : null,
      credential,
      asked ? 'requested' : 'active',
      occurredAt,
      lease.validUntil,
      lease.maxUntil,
      revision,
    ],
  );
}

/** What each event says of columns; `valid_until` where it has one. */
const statuses: Readonly<Record<string, string | undefined>> = {
  'lease.issued': 'active',
  'lease.renewed': 'active',
  'lease.term_observed': 'active',
  'lease.renewal_started': 'renewing',
  'lease.request_failed': 'failed',
  'lease.revocation_started': 'revoking',
  'lease.revoked': 'revoked',
  'lease.abandoned': 'abandoned',
};

async function change(query: Query, { tenantId, revision, occurredAt, type, data }: Envelope): Promise<void> {
  const { leaseId, validUntil } = data as { leaseId: string; validUntil?: string };
  if (type === 'lease.revocation_failing') {
    await query.query('update leases set alarmed = true, revision = $3 where tenant_id = $1 and lease_id = $2', [
      tenantId,
      leaseId,
      revision,
    ]);
    return;
  }
  const renewing = type === 'lease.renewal_started';
  const { reason = null } = data as Partial<LeaseRevocationStarted>;
  await query.query(
    `update leases set status = $3, since = $4, revision = $5, valid_until = coalesce($6, valid_until),
       renew_until = $7, reason = $8, alarmed = false where tenant_id = $1 and lease_id = $2`,
    [
      tenantId,
      leaseId,
      statuses[type],
      occurredAt,
      revision,
      renewing ? null : (validUntil ?? null),
      renewing ? validUntil : null,
      reason,
    ],
  );
}

/** Leases as they stand. Written in the transaction of their events: whoever decides about one sees all that was recorded. */
export const leaseListProjection: Projection = {
  name: 'leases',
  version: 1,
  tables: ['leases'],
  types: ['lease.requested', 'lease.adopted', 'lease.revocation_failing', ...Object.keys(statuses)],
  inline: true,
  apply: async (query, events) => {
    for (const { envelope } of events) {
      const begins = envelope.type === 'lease.requested' || envelope.type === 'lease.adopted';
      await (begins ? begin : change)(query, envelope);
    }
  },
};
