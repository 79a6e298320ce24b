import { createPublisher } from '@gatehouse/bus';
import { type Position, startPosition } from '@gatehouse/contracts';
import { canonicalJson, uuidv7 } from '@gatehouse/crypto';
import type { NatsConnection } from '@nats-io/transport-node';

/** What a service would publish, in the order of its log. */
export class PublishedLog {
  #last: Position = startPosition;

  constructor(
    private readonly nc: NatsConnection,
    private readonly source: string,
  ) {}

  async publish(
    tenantId: string,
    type: string,
    data: object,
    actor = { type: 'system', id: 'test' },
  ): Promise<Position> {
    const prev = this.#last;
    this.#last = { tx: prev.tx + 1n, seq: prev.seq + 1n };
    const id = uuidv7(Date.now());
    const streamId = `test:${id}`;
    const text = canonicalJson({
      id,
      type,
      version: 1,
      tenantId,
      streamId,
      revision: 1,
      occurredAt: new Date().toISOString(),
      actor,
      correlationId: '0'.repeat(32),
      data,
    });
    const event = { position: this.#last, tenantId, streamId, text };
    await createPublisher(this.nc)({ source: this.source, prev, events: [event] });
    return this.#last;
  }
}
