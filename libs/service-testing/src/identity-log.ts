import { randomUUID } from 'node:crypto';
import { displayPrefix, generateKey, keyFingerprint } from '@gatehouse/crypto';
import type { NatsConnection } from '@nats-io/transport-node';
import { PublishedLog } from './published-log.js';

/** What identity would publish. */
export class IdentityLog extends PublishedLog {
  constructor(
    nc: NatsConnection,
    private readonly pepper: Buffer,
  ) {
    super(nc, 'identity');
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
