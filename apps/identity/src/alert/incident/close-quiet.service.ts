import type { AlertKind } from '@gatehouse/contracts';
import { handle, type PostgresEventStore } from '@gatehouse/event-store';
import type pg from 'pg';
import { alertDecider, alertStream, resolveAlert } from '../alert.js';
import { enqueueDeliveries } from '../delivery/delivery-queue.service.js';
import { readSettings } from '../settings/alert-settings.projection.js';
import { forgetCounts, lockTenant, ownContext } from './incidents.service.js';

interface QuietRow {
  readonly tenant_id: string;
  readonly kind: AlertKind;
  readonly subject_type: string;
  readonly subject_id: string;
}

interface ClosedRow {
  readonly alert_id: string;
  readonly count: string;
  readonly first_at: Date;
  readonly last_at: Date;
}

const maxAtOnce = 100;

/** Ends the incidents of which nothing was seen for their quiet time. Answers how many there were. */
export async function closeQuiet(store: PostgresEventStore, system: pg.Pool, nowMs: number): Promise<number> {
  const { rows } = await system.query<QuietRow>(
    `select tenant_id, kind, subject_type, subject_id from alert_incidents
     where quiet_until <= $1 order by quiet_until limit ${maxAtOnce}`,
    [new Date(nowMs)],
  );
  for (const row of rows) await closeOne(store, row, nowMs);
  return rows.length;
}

async function closeOne(store: PostgresEventStore, row: QuietRow, nowMs: number): Promise<void> {
  const { tenant_id: tenantId, kind } = row;
  const subject = { type: row.subject_type, id: row.subject_id };
  // COMMIT POINT: the incident's row, its end in the log, and the letters about it, together.
  await store.together(tenantId, async (log, client) => {
    await lockTenant(client, tenantId);
    // It may have gone on since it was read: then it stays.
    const { rows } = await client.query<ClosedRow>(
      `delete from alert_incidents where tenant_id = $1 and kind = $2 and subject_type = $3 and subject_id = $4
         and quiet_until <= $5 returning alert_id, count, first_at, last_at`,
      [tenantId, kind, subject.type, subject.id, new Date(nowMs)],
    );
    const [closed] = rows;
    if (!closed) return;
    const { alert_id: alertId, first_at, last_at } = closed;
    const totals = { count: Number(closed.count), firstAt: first_at.toISOString(), lastAt: last_at.toISOString() };
    await forgetCounts(client, { tenantId, kind, subject, ...totals });
    await handle(log, alertDecider, {
      streamId: alertStream(alertId),
      context: ownContext(tenantId, alertId, nowMs),
      decide: (alert) => resolveAlert(totals, alert),
    });
    const { notifyResolved } = await readSettings(client, tenantId);
    const data = { alertId, kind, subject, ...totals };
    if (notifyResolved) await enqueueDeliveries(client, { tenantId, what: 'alert.resolved', alertId, data, nowMs });
  });
}

const maxSwept = 5_000;

/** What is old enough never to count again. Bounded: the rest goes the next time. */
const swept: readonly (readonly [table: string, column: string, days: number, where: string])[] = [
  ['alert_reports', 'taken_at', 1, 'true'],
  ['alert_counts', 'part', 2, 'true'],
  ['alert_deliveries', 'created_at', 30, `status <> 'waiting'`],
];

/** Answers how many rows went. */
export async function sweepOld(system: pg.Pool, nowMs: number): Promise<number> {
  let gone = 0;
  for (const [table, column, days, where] of swept) {
    const { rowCount } = await system.query(
      `delete from ${table} where ctid = any (array(
         select ctid from ${table} where ${column} < $1 and ${where} limit ${maxSwept}))`,
      [new Date(nowMs - days * 86_400_000)],
    );
    gone += rowCount ?? 0;
  }
  return gone;
}
