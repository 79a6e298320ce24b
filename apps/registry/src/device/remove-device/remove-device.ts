import type { NewEvent } from '@gatehouse/event-store';
import type { Device } from '../device.js';

/** Ends a device: its key, its tunnel, its sessions. What has this identity key may ask again, as another device. */
export const removeDevice =
  (reason: string) =>
  (device: Device): readonly NewEvent[] => {
    if (device.status === 'unknown' || device.status === 'removed') return [];
    const { deviceId } = device;
    const key = device.status === 'approved' ? device.apiKey : undefined;
    return [
      ...(key ? [{ type: 'device.key.revoked', version: 1, data: { deviceId, keyId: key.keyId } }] : []),
      { type: 'device.removed', version: 1, data: { deviceId, reason } },
    ];
  };
