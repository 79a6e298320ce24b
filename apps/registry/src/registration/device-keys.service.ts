import { randomBytes, randomUUID } from 'node:crypto';
import { deviceKey, displayPrefix, keyFingerprint, messageCode, type Pepper } from '@gatehouse/crypto';
import { handle, type PostgresEventStore } from '@gatehouse/event-store';
import { deviceDecider, deviceStream } from '../device/device.js';
import type { DeviceRow } from '../device/device-rows.js';
import { fetchKey, mayHearAgain } from './fetch-key/fetch-key.js';

export interface FetchedKey {
  /** Undefined: it was fetched before, and whoever asks now cannot show that it was he. */
  readonly apiKey: string | undefined;
}

/**
 * Keys of devices. The text of a key is made of the pepper, the key's id and the nonce that its device chose: it can be
 * told again to who knows the nonce, and is stored nowhere.
 */
export class DeviceKeyMint {
  constructor(
    private readonly store: PostgresEventStore,
    private readonly pepper: Pepper,
    /** How long a key lives. */
    private readonly lifeMs: number,
  ) {}

  /**
   * The key of an approved device, minted at the first call for its registration, and at the first after half of its life.
   *
   * @param nonce what the device chose; without one the key is told once, and never again
   */
  async fetch(row: DeviceRow, nonce: string | undefined, correlationId: string, now: number): Promise<FetchedKey> {
    const { tenantId, deviceId, requestId } = row;
    const keyId = randomUUID();
    const seed = nonce ?? randomBytes(32).toString('base64url');
    const key = deviceKey(this.pepper, [keyId, seed]);
    const code = nonce === undefined ? undefined : messageCode(this.pepper, 'registry.key-nonce', nonce);
    const data = {
      keyId,
      prefix: displayPrefix(key),
      lookup: keyFingerprint(this.pepper, key).toString('base64'),
      ...(code !== undefined && { nonce: code }),
      expiresAt: new Date(now + this.lifeMs).toISOString(),
    };
    const { state, events } = await handle(this.store, deviceDecider, {
      streamId: deviceStream(deviceId),
      context: { tenantId, actor: { type: 'device', id: deviceId }, now, correlationId },
      decide: fetchKey(requestId, data, now),
    });
    if (events.length > 0) return { apiKey: key };
    const known = state.status === 'approved' ? state.apiKey : undefined;
    const again = nonce !== undefined && known !== undefined && mayHearAgain(state, requestId, code, now);
    return { apiKey: again ? deviceKey(this.pepper, [known.keyId, nonce]) : undefined };
  }
}
