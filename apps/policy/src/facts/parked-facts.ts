import { parseEnvelope, type Query, type StoredEvent } from '@gatehouse/event-store';

export interface UnappliedFact {
  readonly event: StoredEvent;
  /** Without values: those may be secret or personal. */
  readonly reason: string;
}

/** Under this name the list of read models shows them. */
const name = 'facts';

/** Safe to repeat, and by every replica. */
export async function parkFact(query: Query, { event, reason }: UnappliedFact): Promise<void> {
  const { id } = parseEnvelope(event.text);
  await query.query(
    `insert into parked_events (projection, event_id, source, tenant_id, stream_id, type, tx, seq, reason, envelope)
     values ($1, $2, 'policy', $3, $4, $5, $6::xid8, $7, $8, $9) on conflict do nothing`,
    [
      ...[name, id, event.tenantId, event.streamId, event.type],
      ...[String(event.position.tx), String(event.position.seq), `${reason}: the tenant is closed`, event.text],
    ],
  );
}

export async function tenantsWithParkedFacts(query: Query): Promise<readonly string[]> {
  const { rows } = await query.query<{ tenant_id: string }>(
    'select distinct tenant_id from parked_events where projection = $1',
    [name],
  );
  return rows.map((row) => row.tenant_id);
}
