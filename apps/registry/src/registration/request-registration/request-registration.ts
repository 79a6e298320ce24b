import type { RegistrationRequested } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import type { Device } from '../../device/device.js';
import { Refusal } from '../../refusal.js';
import { hasExpired } from '../registration-terms.js';

/**
 * A device asks to be let in. The same keys again are the same request while it waits, or while its key was not fetched;
 * an approved device that has lost its key asks anew, and works on until somebody decides.
 *
 * @param now Unix milliseconds
 */
export const requestRegistration =
  (request: RegistrationRequested, now: number) =>
  (device: Device): readonly NewEvent[] => {
    if (device.status === 'rejected') throw new Refusal('registration_rejected');
    if (device.status === 'removed') throw new Refusal('not_found');
    if (device.status !== 'unknown' && isSame(device, request, now)) return [];
    return [{ type: 'device.registration.requested', version: 1, data: request }];
  };

function isSame(
  device: Exclude<Device, { status: 'unknown' | 'removed' }>,
  request: RegistrationRequested,
  now: number,
): boolean {
  const { state, requestedAt, requestId, keys } = device.registration;
  if (keys.session !== request.keys.session) return false;
  if (state === 'pending') return !hasExpired(requestedAt, now);
  return device.status === 'approved' && state === 'approved' && device.apiKey?.requestId !== requestId;
}
