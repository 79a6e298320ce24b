import { uuidv7 } from '@gatehouse/crypto';
import type { Query } from '@gatehouse/event-store';

export interface Notice {
  readonly tenantId: string;
  readonly what: 'alert.raised' | 'alert.resolved' | 'alert.test';
  /** Absent for a test. */
  readonly alertId?: string;
  readonly data: object;
  readonly nowMs: number;
  /** One channel only, for a test. */
  readonly channelId?: string;
}

/** What one channel is sent in an hour, at most; the rest is parked, where it can be seen. */
export const maxPerChannelAndHour = 100;

/**
 * Puts a notice into the queue of each channel of the tenant, in the transaction of what it tells of. One row per channel,
 * incident and occasion, whatever is repeated. The row's id is the message's id, on every try.
 */
export async function enqueueDeliveries(client: Pick<Query, 'query'>, notice: Notice): Promise<readonly string[]> {
  const { tenantId, what, alertId, data, nowMs, channelId } = notice;
  const now = new Date(nowMs);
  const body = JSON.stringify({ type: what, timestamp: now.toISOString(), data: { tenantId, ...data } });
  const { rows } = await client.query<{ channel_id: string; busy: boolean }>(
    `select channel_id, (select count(*) from alert_deliveries d
       where d.channel_id = c.channel_id and d.created_at > $2) >= ${maxPerChannelAndHour} as busy
     from alert_channels c where tenant_id = $1 and ($3::uuid is null or channel_id = $3) order by channel_id`,
    [tenantId, new Date(nowMs - 3_600_000), channelId ?? null],
  );
  const ids: string[] = [];
  for (const { channel_id, busy } of rows) {
    const id = uuidv7(nowMs);
    const { rowCount } = await client.query(
      `insert into alert_deliveries (tenant_id, delivery_id, channel_id, what, alert_id, body, status, created_at,
         next_try_at, problem) values ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9) on conflict do nothing`,
      [
        tenantId,
        id,
        channel_id,
        what,
        alertId ?? null,
        body,
        busy ? 'parked' : 'waiting',
        now,
        busy ? 'too_many' : null,
      ],
    );
    if (rowCount === 1) ids.push(id);
  }
  return ids;
}
