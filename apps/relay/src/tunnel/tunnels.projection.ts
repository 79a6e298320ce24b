import type { Projection } from '@gatehouse/projection';
import type { TunnelClosed, TunnelOpened } from './tunnel-row.js';

/**
 * Where each device is. Written in the transaction of the event, and told to every relay with its commit: a client that
 * reaches another relay a moment later is forwarded.
 */
export const tunnelsProjection: Projection = {
  name: 'tunnels',
  version: 1,
  tables: ['tunnels'],
  types: ['tunnel.opened', 'tunnel.closed'],
  inline: true,
  apply: async (query, events) => {
    for (const { envelope } of events) {
      const { tenantId, revision, occurredAt } = envelope;
      if (envelope.type === 'tunnel.opened') {
        const { deviceId, tunnelId, relayId, relayAddress, carrier } = envelope.data as unknown as TunnelOpened;
        await query.query(
          `insert into tunnels (tenant_id, device_id, tunnel_id, relay_id, relay_address, carrier, open, since, revision)
           values ($1, $2, $3, $4, $5, $6, true, $7, $8)
           on conflict (tenant_id, device_id) do update set tunnel_id = excluded.tunnel_id, relay_id = excluded.relay_id,
             relay_address = excluded.relay_address, carrier = excluded.carrier, open = true, reason = null,
             since = excluded.since, revision = excluded.revision`,
          [tenantId, deviceId, tunnelId, relayId, relayAddress, carrier, occurredAt, revision],
        );
      } else {
        // Of another tunnel it says nothing but that the stream is longer.
        const { deviceId, tunnelId, reason } = envelope.data as unknown as TunnelClosed;
        await query.query(
          `update tunnels set revision = $4, open = open and tunnel_id <> $3::uuid,
             reason = case when tunnel_id = $3::uuid then $5 else reason end,
             since = case when tunnel_id = $3::uuid then $6::timestamptz else since end
           where tenant_id = $1 and device_id = $2`,
          [tenantId, deviceId, tunnelId, revision, reason, occurredAt],
        );
      }
    }
  },
};
