import type { tunnelClosed, tunnelOpened } from '@gatehouse/contracts';
import type { Query } from '@gatehouse/event-store';
import type { z } from 'zod';

export const tunnelChannel = 'gatehouse_relay_tunnels';
export const tunnelStream = (deviceId: string): string => `tunnel:${deviceId}`;

export type TunnelOpened = z.infer<typeof tunnelOpened>;
export type TunnelClosed = z.infer<typeof tunnelClosed>;
export type TunnelEndReason = TunnelClosed['reason'];

/** Where a device is, or was last. */
export interface TunnelRow {
  readonly tenantId: string;
  readonly deviceId: string;
  readonly tunnelId: string;
  readonly relayId: string;
  /** Where other relays reach that one: `host:port`. */
  readonly relayAddress: string;
  readonly carrier: 'quic' | 'tls';
  readonly open: boolean;
  readonly reason: string | null;
  readonly since: Date;
  /** Of the stream of this device's tunnels: what is later there counts. */
  readonly revision: number;
}

const columns = `tenant_id as "tenantId", device_id as "deviceId", tunnel_id as "tunnelId", relay_id as "relayId",
  relay_address as "relayAddress", carrier, open, reason, since, revision`;

/** Those that are open, or the last ones of these devices. */
export async function selectTunnels(query: Query, deviceIds?: readonly string[]): Promise<readonly TunnelRow[]> {
  const where = deviceIds ? 'device_id = any($1::uuid[])' : 'open';
  const { rows } = await query.query<TunnelRow>(
    // A device that went to another tenant has a row in each: the open one is read last, and counts.
    `select ${columns} from tunnels where ${where} order by open, since`,
    deviceIds ? [deviceIds] : [],
  );
  return rows;
}

/** Open tunnels of a relay. */
export async function tunnelsOf(query: Query, relayId: string, limit: number): Promise<readonly TunnelRow[]> {
  const { rows } = await query.query<TunnelRow>(
    `select ${columns} from tunnels where relay_id = $1 and open order by device_id limit $2`,
    [relayId, limit],
  );
  return rows;
}

/** Of one tenant, a page in the order of ids. */
export async function tunnelPage(
  query: Query,
  tenantId: string,
  after: string,
  limit: number,
): Promise<readonly TunnelRow[]> {
  const { rows } = await query.query<TunnelRow>(
    `select ${columns} from tunnels where tenant_id = $1 and open and device_id > $2 order by device_id limit $3`,
    [tenantId, after, limit],
  );
  return rows;
}
