import type { StreamEnd } from '../byte-stream.js';
import type { Limits } from '../limits.js';
import type { Connection, Host, Quiche } from './native.js';
import type { Outlet } from './outlet.js';

export interface QuicCarrierOptions {
  readonly quiche: Quiche;
  readonly connection: Connection;
  readonly limits: Limits;
  readonly dialled: boolean;
  readonly local: Host;
  readonly remote: Host;
  readonly outlet: Outlet;
  /** Of the server's own certificate; a client learns it. */
  readonly serverFingerprint?: string;
  /** The handshake is done. @returns why the peer is not wanted, all the same */
  readonly check: (connection: Connection) => StreamEnd | undefined;
  readonly onReady: () => void;
  /** It ended before that. */
  readonly onFailed: (end: StreamEnd) => void;
  /** Nothing will be sent or understood any more. */
  readonly onGone: () => void;
  /** Packets with this id are for this connection, or no longer. */
  readonly onId?: (id: Buffer, valid: boolean) => void;
  /** Lets the server end what it has forgotten. */
  readonly resetTokenOf?: (id: Buffer) => Buffer;
}
