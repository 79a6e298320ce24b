import type { AlertRaised, AlertResolved, Envelope } from '@gatehouse/contracts';
import type { Query } from '@gatehouse/event-store';
import type { Projection } from '@gatehouse/projection';

type Client = Pick<Query, 'query'>;

/** Every alert as its events tell it; the count of an incident that goes on stands in `alert_incidents`. */
export const alertListProjection: Projection = {
  name: 'alerts',
  version: 1,
  tables: ['alerts'],
  types: ['alert.raised', 'alert.resolved', 'alert.acknowledged'],
  inline: true,
  apply: async (client, events) => {
    for (const { envelope } of events) await appliers[envelope.type]?.(client as Client, envelope);
  },
};

const appliers: Readonly<Record<string, (client: Client, envelope: Envelope) => Promise<unknown>>> = {
  'alert.raised': (client, { tenantId, data, sealed, occurredAt, revision }) => {
    const { alertId, kind, subject, threshold, windowSeconds, count, firstAt, lastAt, place } = data as AlertRaised;
    const sealedPlace = sealed?.place ? JSON.stringify(sealed.place) : null;
    return client.query(
      `insert into alerts (tenant_id, alert_id, kind, subject_type, subject_id, status, raised_at, first_at, last_at, count,
         threshold, window_seconds, place, sealed_place, revision)
       values ($1, $2, $3, $4, $5, 'open', $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
      [
        ...[tenantId, alertId, kind, subject.type, subject.id, occurredAt, firstAt, lastAt, count],
        ...[threshold, windowSeconds, place ?? null, sealedPlace, revision],
      ],
    );
  },
  'alert.resolved': (client, { data, occurredAt, revision }) => {
    const { alertId, count, firstAt, lastAt } = data as AlertResolved;
    return client.query(
      `update alerts set status = 'resolved', resolved_at = $2, count = $3, first_at = $4, last_at = $5, revision = $6
       where alert_id = $1`,
      [alertId, occurredAt, count, firstAt, lastAt, revision],
    );
  },
  'alert.acknowledged': (client, { data, actor, occurredAt, revision }) =>
    client.query('update alerts set acknowledged_at = $2, acknowledged_by = $3, revision = $4 where alert_id = $1', [
      (data as { alertId: string }).alertId,
      occurredAt,
      `${actor.type}/${actor.id}`,
      revision,
    ]),
};
