import { asTenant } from '@gatehouse/event-store';
import { Caller, defineRoute, Input, type InputOf, type Principal, Route } from '@gatehouse/http';
import { PLATFORM, type Platform } from '@gatehouse/service';
import { Controller, Inject } from '@nestjs/common';
import { z } from 'zod';
import { tunnelPage } from './tunnel-row.js';

const list = defineRoute({
  method: 'GET',
  path: '/api/v1/relay/tunnels',
  summary: 'Devices that are connected now, and to which relay',
  access: { kind: 'action', action: 'device.manage', resource: 'tenant/devices' },
  query: z.object({
    limit: z.coerce.number().int().min(1).max(500).default(100),
    cursor: z.uuid().optional(),
  }),
  response: z.object({
    tunnels: z.array(
      z.object({
        deviceId: z.string(),
        tunnelId: z.string(),
        relayId: z.string(),
        carrier: z.enum(['quic', 'tls']),
        since: z.string(),
      }),
    ),
    nextCursor: z.string().nullable(),
  }),
});

const firstId = '00000000-0000-0000-0000-000000000000';

@Controller()
export class TunnelsController {
  constructor(@Inject(PLATFORM) private readonly platform: Platform) {}

  @Route(list)
  async list(@Input() { query }: InputOf<typeof list>, @Caller() { tenantId }: Principal) {
    const { limit, cursor = firstId } = query;
    const found = await asTenant(this.platform.database.request, tenantId, (client) =>
      tunnelPage(client, tenantId, cursor, limit + 1),
    );
    const tunnels = found.slice(0, limit).map(({ deviceId, tunnelId, relayId, carrier, since }) => ({
      deviceId,
      tunnelId,
      relayId,
      carrier,
      since: since.toISOString(),
    }));
    return { tunnels, nextCursor: found.length > limit ? (tunnels.at(-1)?.deviceId ?? null) : null };
  }
}
