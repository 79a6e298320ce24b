import type { Query } from '@gatehouse/event-store';
import type { ProjectedEvent } from '@gatehouse/projection';
import { recordedDisclosure } from './recorded-disclosure.js';

/** The effect of policy's events here: one statement for as many as came together. */
export async function storeDisclosures(client: Query, events: readonly ProjectedEvent[]): Promise<void> {
  const rows = events.flatMap(({ envelope }) => recordedDisclosure(envelope) ?? []);
  if (rows.length === 0) return;
  await client.query(
    `insert into disclosures (tenant_id, decision_id, secret_id, path, version, subject_type, subject_id, credential,
       allowed, reason, correlation_id, occurred_at)
     select * from unnest($1::text[], $2::text[], $3::uuid[], $4::text[], $5::int[], $6::text[], $7::text[], $8::text[],
       $9::boolean[], $10::text[], $11::text[], $12::timestamptz[])
     on conflict (tenant_id, decision_id) do nothing`,
    [
      rows.map((row) => row.tenantId),
      rows.map((row) => row.decisionId),
      rows.map((row) => row.secretId),
      rows.map((row) => row.path),
      rows.map((row) => row.version),
      rows.map((row) => row.subject.type),
      rows.map((row) => row.subject.id),
      rows.map((row) => row.credential),
      rows.map((row) => row.allowed),
      rows.map((row) => row.reason),
      rows.map((row) => row.correlationId),
      rows.map((row) => row.occurredAt),
    ],
  );
}
