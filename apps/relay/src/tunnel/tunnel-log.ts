import {
  asTenant,
  type CommandContext,
  type NewEvent,
  type PostgresEventStore,
  RevisionConflict,
} from '@gatehouse/event-store';
import type pg from 'pg';
import { type TunnelEndReason, type TunnelOpened, type TunnelRow, tunnelStream } from './tunnel-row.js';

export interface TunnelLogOptions {
  readonly store: PostgresEventStore;
  /** Connections of the request role. */
  readonly pool: pg.Pool;
  readonly relayId: string;
}

type Last = Pick<TunnelRow, 'tunnelId' | 'open' | 'revision'>;

/** Several relays may be told of one device at once: each tries again with what the others wrote. */
const attempts = 8;

/** Writes which tunnels there are. The order of one device's stream decides which of two tunnels is the later one. */
export class TunnelLog {
  readonly #options: TunnelLogOptions;

  constructor(options: TunnelLogOptions) {
    this.#options = options;
  }

  /** @returns the revision: of two tunnels of a device the one with the higher counts */
  opened(tenantId: string, tunnel: TunnelOpened): Promise<number> {
    const context = this.#context(tenantId, { type: 'device', id: tunnel.deviceId });
    return this.#append(tunnel.deviceId, context, () => ({ type: 'tunnel.opened', version: 1, data: tunnel }));
  }

  /** Whether it was this tunnel that was open; the late end of another one changes nothing. */
  async closed(tenantId: string, deviceId: string, tunnelId: string, reason: TunnelEndReason): Promise<boolean> {
    const context = this.#context(tenantId, { type: 'service', id: 'relay' });
    const data = { deviceId, tunnelId, reason };
    const revision = await this.#append(deviceId, context, (last) =>
      last?.open && last.tunnelId === tunnelId ? { type: 'tunnel.closed', version: 1, data } : undefined,
    );
    return revision > 0;
  }

  async #append(
    deviceId: string,
    context: CommandContext,
    decide: (last: Last | undefined) => NewEvent | undefined,
  ): Promise<number> {
    for (let attempt = 1; ; attempt++) {
      const last = await this.#last(context.tenantId, deviceId);
      const event = decide(last);
      if (!event) return 0;
      try {
        // COMMIT POINT of a tunnel: with it every relay is told.
        const options = { expectedRevision: last?.revision ?? 0, context };
        return (await this.#options.store.append(tunnelStream(deviceId), [event], options)).revision;
      } catch (error) {
        if (!(error instanceof RevisionConflict) || attempt === attempts) throw error;
      }
    }
  }

  // From the row and not from the stream, which grows with every connection that a device ever made.
  #last(tenantId: string, deviceId: string): Promise<Last | undefined> {
    return asTenant(this.#options.pool, tenantId, async (client) => {
      const { rows } = await client.query<Last>({
        name: 'last-tunnel',
        text: 'select tunnel_id as "tunnelId", open, revision from tunnels where tenant_id = $1 and device_id = $2',
        values: [tenantId, deviceId],
      });
      return rows[0];
    });
  }

  #context(tenantId: string, actor: CommandContext['actor']): CommandContext {
    return { tenantId, actor, now: Date.now(), correlationId: '' };
  }
}
