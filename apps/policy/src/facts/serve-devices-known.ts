import { serve } from '@gatehouse/bus';
import { comparePositions, devicesKnown, formatPosition, type Position, parsePosition } from '@gatehouse/contracts';
import { pause, type Query } from '@gatehouse/event-store';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Facts } from './facts.js';

const lookEveryMs = 10;
const maxInFlight = 64;

export interface DevicesKnownOptions {
  readonly facts: Facts;
  /** Connections of the system role. */
  readonly query: Query;
  readonly onError: (error: Error) => void;
}

/** `rpc.policy.devices_known`: who has just approved a device can go on as soon as it counts. */
export const serveDevicesKnown = (nc: NatsConnection, { facts, query, onError }: DevicesKnownOptions) =>
  serve(
    nc,
    devicesKnown,
    async ({ position, waitMs }) => {
      const deadline = Date.now() + waitMs;
      const imported = await until(deadline, parsePosition(position), () => importedUpTo(query));
      if (!imported) return {};
      // What the import wrote stands before this end of policy's own log.
      const known = await facts.waitFor(imported.end, Math.max(0, deadline - Date.now()));
      return known ? { position: formatPosition(imported.end) } : {};
    },
    { maxInFlight, onError },
  );

interface Imported {
  readonly position: Position;
  readonly end: Position;
}

async function until(deadline: number, wanted: Position, look: () => Promise<Imported>): Promise<Imported | undefined> {
  for (;;) {
    const found = await look();
    if (comparePositions(found.position, wanted) >= 0) return found;
    if (Date.now() >= deadline) return undefined;
    await pause(lookEveryMs, new AbortController().signal);
  }
}

/** How far the registry's log is imported, and where policy's own log ended then. */
async function importedUpTo(query: Query): Promise<Imported> {
  const { rows } = await query.query<Record<'tx' | 'seq' | 'end_tx' | 'end_seq', string>>(
    `select coalesce(i.tx::text, '0') as tx, coalesce(i.seq::text, '0') as seq,
       coalesce(e.tx::text, '0') as end_tx, coalesce(e.seq::text, '0') as end_seq
     from (select) one
     left join inbox_positions i on i.consumer = 'policy_devices' and i.source = 'registry'
     left join lateral (select tx, seq from events order by tx desc, seq desc limit 1) e on true`,
  );
  const { tx = '0', seq = '0', end_tx: endTx = '0', end_seq: endSeq = '0' } = rows[0] ?? {};
  return {
    position: { tx: BigInt(tx), seq: BigInt(seq) },
    end: { tx: BigInt(endTx), seq: BigInt(endSeq) },
  };
}
