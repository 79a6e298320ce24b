import { randomBytes } from 'node:crypto';
import type { Connection } from './native.js';
import { asBigInt, idBytes } from './packets.js';
import type { QuicCarrierOptions } from './quic-carrier-options.js';

/** The peer is given as many ids of ours as it wants to keep (RFC 9000 5.1.1), and what it gave back is forgotten. */
export function exchangeIds(
  connection: Connection,
  { onId, resetTokenOf }: Pick<QuicCarrierOptions, 'onId' | 'resetTokenOf'>,
): void {
  for (let retired = connection.retiredScidNext(); retired; retired = connection.retiredScidNext()) {
    onId?.(Buffer.from(retired), false);
  }
  while (connection.sourceCidsLeft() > 0) {
    const id = randomBytes(idBytes);
    connection.newSourceCid(id, asBigInt(resetTokenOf?.(id) ?? randomBytes(16)), false);
    onId?.(id, true);
  }
}
