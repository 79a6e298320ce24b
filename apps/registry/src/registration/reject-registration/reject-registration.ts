import type { RegistrationRejected } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import type { Device } from '../../device/device.js';
import { Refusal } from '../../refusal.js';

/** Keeps a device out, for as long as nobody lifts it. An approved device that asked again goes on as it was. */
export const rejectRegistration =
  (requestId: string, reason: string) =>
  (device: Device): readonly NewEvent[] => {
    if (device.status === 'unknown' || device.status === 'removed') throw new Refusal('not_found');
    const { registration, keys, deviceId } = device;
    if (registration.requestId !== requestId || registration.state === 'approved')
      throw new Refusal('registration_decided');
    if (registration.state === 'rejected') return [];
    const data: RegistrationRejected = { requestId, deviceId, fingerprint: keys.fingerprint, reason };
    return [{ type: 'device.registration.rejected', version: 1, data }];
  };

/** The device may ask again. */
export const liftRejection = (device: Device): readonly NewEvent[] =>
  device.status === 'rejected'
    ? [{ type: 'device.registration.rejection_lifted', version: 1, data: { fingerprint: device.keys.fingerprint } }]
    : [];
