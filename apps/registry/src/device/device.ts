import type {
  DeviceDescription,
  DeviceGrouped,
  DeviceKeyIssued,
  DeviceKeys,
  DeviceKeysRotated,
  DeviceLabelled,
  DeviceMoved,
  DeviceRenamed,
  DeviceSettingsChanged,
  Entity,
  Envelope,
  RegistrationApproved,
  RegistrationRequested,
} from '@gatehouse/contracts';
import type { Decider } from '@gatehouse/event-store';

/** The last time the device asked to be let in. */
export interface Registration {
  readonly requestId: string;
  /** Unix milliseconds. */
  readonly requestedAt: number;
  readonly state: 'pending' | 'approved' | 'rejected';
  /** Those that it came with: they are the device's from the approval on. */
  readonly keys: DeviceKeys;
}

/** The `m87_` key that works; its text stands nowhere. */
export interface ApiKey {
  readonly keyId: string;
  /** The registration it was fetched for. */
  readonly requestId: string | undefined;
  readonly nonce: string | undefined;
  readonly issuedAt: number;
  /** Undefined: with its device. */
  readonly expiresAt: number | undefined;
}

export interface Settings {
  readonly record: boolean;
  readonly approveOnDevice: boolean;
}

interface Known {
  readonly deviceId: string;
  readonly registration: Registration;
  readonly keys: DeviceKeys;
  readonly description: DeviceDescription;
}

export interface ApprovedDevice extends Known {
  readonly status: 'approved';
  readonly name: string;
  readonly owner: Entity;
  readonly labels: Readonly<Record<string, string>>;
  readonly groups: readonly string[];
  readonly settings: Settings;
  readonly apiKey: ApiKey | undefined;
}

/** One device, in the stream `device:<deviceId>` of its tenant. */
export type Device =
  | { readonly status: 'unknown' }
  | (Known & { readonly status: 'pending' | 'rejected' })
  | ApprovedDevice
  | { readonly status: 'removed' };

export const deviceStream = (deviceId: string): string => `device:${deviceId}`;

export const deviceDecider: Decider<Device> = {
  initialState: { status: 'unknown' },
  evolve: (state, event: Envelope): Device => changes[event.type]?.(state, event) ?? state,
};

type Change = (state: Device, event: Envelope) => Device;

const settled = (state: Device, outcome: 'approved' | 'rejected'): Registration | undefined =>
  'registration' in state ? { ...state.registration, state: outcome } : undefined;

/** For events that only an approved device has. */
const ofApproved =
  <T>(change: (device: ApprovedDevice, data: T, event: Envelope) => ApprovedDevice): Change =>
  (state, event) =>
    state.status === 'approved' ? change(state, event.data as T, event) : state;

const changes: Readonly<Record<string, Change>> = {
  'device.registration.requested': (state, { data, occurredAt }) => {
    const { requestId, deviceId, keys, description } = data as unknown as RegistrationRequested;
    const registration = { requestId, requestedAt: Date.parse(occurredAt), state: 'pending', keys } as const;
    if (state.status === 'approved') return { ...state, registration, description };
    return { status: 'pending', deviceId, registration, keys, description };
  },
  'device.registration.approved': (state, { data }) => {
    const { deviceId, name, owner, keys } = data as unknown as RegistrationApproved;
    const registration = settled(state, 'approved');
    if (!registration || state.status === 'unknown' || state.status === 'removed') return state;
    const before =
      state.status === 'approved'
        ? state
        : { labels: {}, groups: [], settings: { record: false, approveOnDevice: false } };
    const { labels, groups, settings } = before;
    const { description } = state;
    const approved = { status: 'approved', deviceId, name, owner, keys, registration, description } as const;
    return { ...approved, labels, groups, settings, apiKey: state.status === 'approved' ? state.apiKey : undefined };
  },
  'device.registration.rejected': (state) => {
    const registration = settled(state, 'rejected');
    if (!registration || state.status === 'unknown' || state.status === 'removed') return state;
    // An approved device that asked again goes on as it was.
    return state.status === 'approved' ? { ...state, registration } : { ...state, status: 'rejected', registration };
  },
  'device.registration.rejection_lifted': (state) => (state.status === 'rejected' ? { status: 'unknown' } : state),
  'device.key.issued': ofApproved<DeviceKeyIssued>((device, { keyId, requestId, nonce, expiresAt }, { occurredAt }) => {
    const ends = expiresAt === undefined ? undefined : Date.parse(expiresAt);
    return { ...device, apiKey: { keyId, requestId, nonce, issuedAt: Date.parse(occurredAt), expiresAt: ends } };
  }),
  'device.key.revoked': ofApproved((device) => ({ ...device, apiKey: undefined })),
  'device.keys.rotated': ofApproved<DeviceKeysRotated>((device, { keys }) => ({ ...device, keys })),
  'device.renamed': ofApproved<DeviceRenamed>((device, { name }) => ({ ...device, name })),
  'device.labelled': ofApproved<DeviceLabelled>((device, { labels }) => ({ ...device, labels })),
  'device.grouped': ofApproved<DeviceGrouped>((device, { groups }) => ({ ...device, groups })),
  'device.moved': ofApproved<DeviceMoved>((device, { owner }) => ({ ...device, owner })),
  'device.settings_changed': ofApproved<DeviceSettingsChanged>((device, { record, approveOnDevice }) => ({
    ...device,
    settings: { record, approveOnDevice },
  })),
  'device.removed': () => ({ status: 'removed' }),
};
