import { randomUUID } from 'node:crypto';
import { createPublisher } from '@gatehouse/bus';
import { type Position, startPosition } from '@gatehouse/contracts';
import { canonicalJson, displayPrefix, generateKey, keyFingerprint, uuidv7 } from '@gatehouse/crypto';
import type { NatsConnection } from '@nats-io/transport-node';

/** What identity would publish, in the order of its log. */
export class IdentityLog {
  #last: Position = startPosition;

  constructor(
    private readonly nc: NatsConnection,
    private readonly pepper: Buffer,
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
    await createPublisher(this.nc)({ source: 'identity', prev, events: [event] });
    return this.#last;
  }

  /** A service key of a tenant; its principal is `service/<name>`. */
  async createKey(
    tenantId: string,
    name: string,
    roles: readonly string[],
    extra: object = {},
    actor?: { type: string; id: string },
  ) {
    const key = generateKey('mas_');
    const keyId = randomUUID();
    const data = {
      keyId,
      family: 'mas',
      name,
      principal: { type: 'service', id: name },
      roles,
      fingerprint: keyFingerprint(this.pepper, key).toString('base64'),
      displayPrefix: displayPrefix(key),
      ...extra,
    };
    await this.publish(tenantId, 'key.created', data, actor);
    return { key, keyId };
  }
}
