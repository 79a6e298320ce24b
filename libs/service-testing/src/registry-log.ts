import { createHash, type KeyObject, randomUUID } from 'node:crypto';
import { newKeyPair } from '@gatehouse/crypto';
import type { NatsConnection } from '@nats-io/transport-node';
import { PublishedLog } from './published-log.js';

const publicText = (key: KeyObject): string => String(key.export({ format: 'jwk' }).x);

/** A device as its owner has it: with the keys that nobody else has. */
export interface ApprovedDevice {
  readonly tenantId: string;
  readonly deviceId: string;
  /** Ed25519. */
  readonly identity: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
  /** X25519. */
  readonly session: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
}

const newKeys = () => ({ identity: newKeyPair('ed25519'), session: newKeyPair('x25519') });

function published({ identity, session }: Pick<ApprovedDevice, 'identity' | 'session'>) {
  const text = publicText(identity.publicKey);
  const fingerprint = createHash('sha256').update(Buffer.from(text, 'base64url')).digest('hex');
  return { identity: text, session: publicText(session.publicKey), fingerprint };
}

/** What the registry would publish. */
export class RegistryLog extends PublishedLog {
  constructor(nc: NatsConnection) {
    super(nc, 'registry');
  }

  /** A device that was let in. */
  async approve(tenantId: string, owner = { type: 'org', id: tenantId }): Promise<ApprovedDevice> {
    const device = { tenantId, deviceId: randomUUID(), ...newKeys() };
    const { deviceId } = device;
    const data = {
      requestId: randomUUID(),
      deviceId,
      name: `device-${deviceId.slice(0, 8)}`,
      keys: published(device),
      owner,
    };
    await this.publish(tenantId, 'device.registration.approved', data);
    return device;
  }

  /** The same device with other keys. */
  async rotate(device: ApprovedDevice): Promise<ApprovedDevice> {
    const next = { ...device, ...newKeys() };
    await this.publish(device.tenantId, 'device.keys.rotated', { deviceId: device.deviceId, keys: published(next) });
    return next;
  }

  async remove({ tenantId, deviceId }: ApprovedDevice): Promise<void> {
    await this.publish(tenantId, 'device.removed', { deviceId, reason: 'test' });
  }
}
