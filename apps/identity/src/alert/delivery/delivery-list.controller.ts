import { asTenant } from '@gatehouse/event-store';
import {
  Caller,
  defineRoute,
  type HttpRequest,
  Input,
  type InputOf,
  type Principal,
  ProblemError,
  Route,
} from '@gatehouse/http';
import { PLATFORM, type Platform } from '@gatehouse/service';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';

const deliveryView = z.object({
  deliveryId: z.uuid(),
  channelId: z.uuid(),
  what: z.enum(['alert.raised', 'alert.resolved', 'alert.test']),
  alertId: z.uuid().optional(),
  status: z.enum(['waiting', 'sent', 'parked']),
  tries: z.int(),
  problem: z.string().optional(),
  createdAt: z.iso.datetime(),
  nextTryAt: z.iso.datetime().optional(),
  sentAt: z.iso.datetime().optional(),
});

const ofTenant = ({ principal }: HttpRequest): string => `tenant/${principal?.tenantId ?? ''}`;
const path = '/api/v1/identity/alerts/deliveries';

const list = defineRoute({
  method: 'GET',
  path,
  summary: 'Lists messages about alerts of the last 30 days, newest first, a page at a time',
  access: { kind: 'action', action: 'alert.read', resource: ofTenant },
  query: z.object({
    limit: z.coerce.number().int().min(1).max(200).default(50),
    cursor: z.uuid().optional(),
    status: z.enum(['waiting', 'sent', 'parked']).optional(),
    channelId: z.uuid().optional(),
  }),
  response: z.object({ deliveries: z.array(deliveryView), nextCursor: z.string().nullable() }),
});

const retry = defineRoute({
  method: 'POST',
  path: `${path}/:deliveryId/retry`,
  summary: 'Has a parked message tried again, once more for a day',
  access: { kind: 'action', action: 'alert.write', resource: ofTenant },
  params: z.object({ deliveryId: z.uuid() }),
  body: z.strictObject({}).nullish(),
  response: deliveryView,
  problems: ['not_found'],
});

interface Row {
  readonly delivery_id: string;
  readonly channel_id: string;
  readonly what: z.output<typeof deliveryView>['what'];
  readonly alert_id: string | null;
  readonly status: 'waiting' | 'sent' | 'parked';
  readonly tries: number;
  readonly problem: string | null;
  readonly created_at: Date;
  readonly next_try_at: Date;
  readonly sent_at: Date | null;
}

@Controller()
export class DeliveryListController {
  constructor(@Inject(PLATFORM) private readonly platform: Platform) {}

  @Route(list)
  async list(@Input() { query }: InputOf<typeof list>, @Caller() { tenantId }: Principal) {
    const { limit, cursor = null, status = null, channelId = null } = query;
    const rows = await this.#rows(
      tenantId,
      `select * from alert_deliveries where tenant_id = $1 and ($2::uuid is null or delivery_id < $2)
         and ($3::text is null or status = $3) and ($4::uuid is null or channel_id = $4)
       order by delivery_id desc limit $5`,
      [cursor, status, channelId, limit + 1],
    );
    const page = rows.slice(0, limit);
    return {
      deliveries: page.map(viewOf),
      nextCursor: rows.length > limit ? (page.at(-1)?.delivery_id ?? null) : null,
    };
  }

  /** One that waits or was sent stays as it is. */
  @Route(retry)
  async retry(@Input() { params }: InputOf<typeof retry>, @Caller() { tenantId }: Principal) {
    const { deliveryId } = params;
    await this.#rows(
      tenantId,
      `update alert_deliveries set status = 'waiting', tries = 0, created_at = $3, next_try_at = $3
       where tenant_id = $1 and delivery_id = $2 and status = 'parked'`,
      [deliveryId, new Date()],
    );
    const [row] = await this.#rows(
      tenantId,
      'select * from alert_deliveries where tenant_id = $1 and delivery_id = $2',
      [deliveryId],
    );
    if (!row) throw new ProblemError('not_found', 'There is no such message');
    return viewOf(row);
  }

  #rows(tenantId: string, text: string, values: readonly unknown[]): Promise<readonly Row[]> {
    return asTenant(this.platform.database.request, tenantId, async (client) => {
      return (await client.query<Row>(text, [tenantId, ...values])).rows;
    });
  }
}

const viewOf = (row: Row): z.output<typeof deliveryView> => ({
  deliveryId: row.delivery_id,
  channelId: row.channel_id,
  what: row.what,
  ...(row.alert_id !== null && { alertId: row.alert_id }),
  status: row.status,
  tries: row.tries,
  ...(row.problem !== null && { problem: row.problem }),
  createdAt: row.created_at.toISOString(),
  ...(row.status === 'waiting' && { nextTryAt: row.next_try_at.toISOString() }),
  ...(row.sent_at && { sentAt: row.sent_at.toISOString() }),
});
