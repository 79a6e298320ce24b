import type { DeviceKeyIssued } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import type { ApiKey, Device } from '../../device/device.js';
import { Refusal } from '../../refusal.js';
import { refetchMs } from '../registration-terms.js';

/** Half of its time is over: whoever proves the identity key may have the next one, also when it has ended meanwhile. */
const isDue = ({ issuedAt, expiresAt }: ApiKey, now: number): boolean =>
  expiresAt !== undefined && now >= (issuedAt + expiresAt) / 2;

/**
 * Mints the key of an approved device: at its first fetch, and for the same approval not again before it is due.
 *
 * @param now Unix milliseconds
 */
export const fetchKey =
  (requestId: string, key: Omit<DeviceKeyIssued, 'deviceId' | 'requestId'>, now: number) =>
  (device: Device): readonly NewEvent[] => {
    if (device.status !== 'approved' || device.registration.requestId !== requestId) throw new Refusal('not_found');
    if (device.registration.state !== 'approved') throw new Refusal('conflict');
    if (device.apiKey?.requestId === requestId && !isDue(device.apiKey, now)) return [];
    const { deviceId, apiKey: old } = device;
    return [
      ...(old ? [{ type: 'device.key.revoked', version: 1, data: { deviceId, keyId: old.keyId } }] : []),
      { type: 'device.key.issued', version: 1, data: { ...key, deviceId, requestId } satisfies DeviceKeyIssued },
    ];
  };

/**
 * Whether the key that was minted for this registration may be told to who comes with this nonce: its holder did not hear
 * the answer, and asks again soon. Who has no nonce, or another one, is not told.
 *
 * @param nonce keyed hash of the nonce
 * @param now Unix milliseconds
 */
export const mayHearAgain = (device: Device, requestId: string, nonce: string | undefined, now: number): boolean =>
  device.status === 'approved' &&
  nonce !== undefined &&
  device.apiKey?.requestId === requestId &&
  device.apiKey.nonce === nonce &&
  now < device.apiKey.issuedAt + refetchMs;
