import { call } from '@gatehouse/bus';
import { personalData } from '@gatehouse/contracts';
import type { PostgresEventStore } from '@gatehouse/event-store';
import { safeParse } from '@gatehouse/schema';
import type { NatsConnection } from '@nats-io/transport-node';
import { z } from 'zod';
import { type Erasure, erasureStream } from './erasure/erasure.js';
import type { LedgerEntry } from './erasure/erasure-view.js';

export interface LedgerPlacesOptions {
  readonly store: PostgresEventStore;
  readonly bus: () => NatsConnection;
  readonly onError: (error: Error) => void;
}

const place = z.object({ index: z.int(), leafHash: z.string() });
const rpcTimeoutMs = 2_000;

/** Where the events of an erasure stand in the ledger, as audit says. Without audit a certificate has ids and no places. */
export class LedgerPlaces {
  readonly #options: LedgerPlacesOptions;

  constructor(options: LedgerPlacesOptions) {
    this.#options = options;
  }

  async ofErasure(job: Erasure, tombstone: string): Promise<{ tombstone: LedgerEntry; entry?: LedgerEntry }> {
    const { erasureId, userId, homeTenantId, askedBy } = job;
    const { events } = await this.#options.store.read(askedBy.tenantId, erasureStream(erasureId));
    const completed = events.find(({ type }) => type === 'erasure.completed');
    const [first, second] = await Promise.all([
      this.#placeOf(userId, tombstone, homeTenantId),
      completed && this.#placeOf(userId, completed.id, askedBy.tenantId),
    ]);
    return { tombstone: first, ...(second && { entry: second }) };
  }

  async #placeOf(userId: string, eventId: string, tenantId: string): Promise<LedgerEntry> {
    const question = { userId, tenantIds: [], eventId };
    try {
      const { items } = await call(this.#options.bus(), personalData('audit'), question, rpcTimeoutMs);
      return { eventId, tenantId, ...safeParse(place, items[0]?.record).data };
    } catch (error) {
      this.#options.onError(error as Error);
      return { eventId, tenantId };
    }
  }
}
