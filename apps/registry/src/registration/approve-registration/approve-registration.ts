import type { Entity, RegistrationApproved } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import type { Device } from '../../device/device.js';
import { Refusal } from '../../refusal.js';
import { hasExpired } from '../registration-terms.js';

export interface Approval {
  readonly requestId: string;
  readonly name: string;
  readonly owner: Entity;
  readonly labels: Readonly<Record<string, string>> | undefined;
  /** What the person compared with the device's own display. */
  readonly fingerprint: string | undefined;
  /** Unix milliseconds. */
  readonly now: number;
}

/** Lets a device in. It mints no key: the device fetches one, with the key that only it has. */
export const approveRegistration =
  ({ requestId, name, owner, labels, fingerprint, now }: Approval) =>
  (device: Device): readonly NewEvent[] => {
    if (device.status === 'unknown' || device.status === 'removed') throw new Refusal('not_found');
    const { registration, deviceId } = device;
    const { keys } = registration;
    if (registration.requestId !== requestId) throw new Refusal('registration_decided');
    if (fingerprint !== undefined && fingerprint !== keys.fingerprint) throw new Refusal('fingerprint_differs');
    if (registration.state === 'approved') return [];
    if (registration.state === 'rejected') throw new Refusal('registration_decided');
    if (hasExpired(registration.requestedAt, now)) throw new Refusal('registration_expired');
    const isAgain = device.status === 'approved';
    const data: RegistrationApproved = {
      ...{ requestId, deviceId, keys },
      name: isAgain ? device.name : name,
      owner: isAgain ? device.owner : owner,
    };
    const old = isAgain ? device.apiKey : undefined;
    return [
      ...(old ? [{ type: 'device.key.revoked', version: 1, data: { deviceId, keyId: old.keyId } }] : []),
      { type: 'device.registration.approved', version: 1, data },
      ...(labels ? [{ type: 'device.labelled', version: 1, data: { deviceId, labels } }] : []),
    ];
  };
