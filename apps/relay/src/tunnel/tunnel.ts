import type { Carrier } from '@gatehouse/transport';
import type { Control } from '../wire/control.js';
import type { TunnelEndReason } from './tunnel-row.js';

/** A device that is connected here. */
export interface Tunnel {
  readonly tenantId: string;
  readonly deviceId: string;
  readonly tunnelId: string;
  readonly carrier: Carrier;
  readonly control: Control;
  /** Of the stream of this device's tunnels. */
  readonly revision: number;
  readonly since: Date;
  /** Why we ended it, if we did. */
  ended?: TunnelEndReason;
  /** Its end was told: to sessions, and to the log. */
  gone?: boolean;
}
