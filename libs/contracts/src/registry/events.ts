import { z } from 'zod';
import { entity } from '../policy/events.js';

const deviceId = z.uuid();
/** Base64url of 32 bytes. */
const publicKey = z.string().regex(/^[A-Za-z0-9_-]{43}$/);

/** What a device says of itself when it asks to be let in. Its name and addresses are the device's, not a person's. */
export const deviceDescription = z.object({
  hostname: z.string().max(253),
  platform: z.string().max(64),
  architecture: z.string().max(32),
  version: z.string().max(64),
});
export type DeviceDescription = z.infer<typeof deviceDescription>;

/** Ed25519 for identity, X25519 for sessions. `fingerprint` is what a person compares: SHA-256 of the first, hex. */
export const deviceKeys = z.object({ identity: publicKey, session: publicKey, fingerprint: z.string() });
export type DeviceKeys = z.infer<typeof deviceKeys>;

export const registrationRequested = z.object({
  requestId: z.uuid(),
  deviceId,
  description: deviceDescription,
  keys: deviceKeys,
  /** Where the request came from; sealed or a pseudonym where it may be a person's. */
  addresses: z.array(z.string()).max(16),
});
export const registrationApproved = z.object({
  requestId: z.uuid(),
  deviceId,
  name: z.string(),
  keys: deviceKeys,
  owner: entity,
});
/** It sticks: the same keys are refused until somebody lifts it. */
export const registrationRejected = z.object({
  requestId: z.uuid(),
  deviceId,
  fingerprint: z.string(),
  reason: z.string(),
});
export const registrationRejectionLifted = z.object({ fingerprint: z.string() });

/** Fetched by the holder of the private key, once. `lookup` is the keyed hash that recognises it; the key is stored nowhere. */
export const deviceKeyIssued = z.object({
  deviceId,
  keyId: z.uuid(),
  prefix: z.string(),
  lookup: z.string(),
  /** The approval that it follows from; absent: a later key of the same device. */
  requestId: z.uuid().optional(),
  /** Keyed hash of what the device chose for this fetch: who repeats it is told the same key, for a while. */
  nonce: z.string().optional(),
  /** Absent: it ends with its device. */
  expiresAt: z.iso.datetime().optional(),
});
export const deviceKeyRevoked = z.object({ deviceId, keyId: z.uuid() });
/** Signed by the old identity key. From now on these are the device's keys. */
export const deviceKeysRotated = z.object({ deviceId, keys: deviceKeys });

export const deviceRenamed = z.object({ deviceId, name: z.string() });
export const deviceLabelled = z.object({ deviceId, labels: z.record(z.string(), z.string()) });
export const deviceMoved = z.object({ deviceId, owner: entity });
export const deviceGrouped = z.object({ deviceId, groups: z.array(z.string()) });
export const deviceSettingsChanged = z.object({ deviceId, record: z.boolean(), approveOnDevice: z.boolean() });
/** Nothing of it works any more: its tunnel and sessions are cut, its keys are nobody's. */
export const deviceRemoved = z.object({ deviceId, reason: z.string() });

/** A grant was signed: what the decision of these ids allowed. `detail` is the command, path or target as it may be recorded. */
export const sessionGranted = z.object({
  grantId: z.uuid(),
  sessionId: z.uuid(),
  deviceId,
  subject: entity,
  kind: z.string(),
  actions: z.array(z.string()),
  decisions: z.array(z.string()),
  detail: z.string().max(1_024).optional(),
  /** Why, in the words of who asked. */
  reason: z.string().max(1_024).optional(),
  expiresAt: z.iso.datetime(),
  /** The client's static key: a renewal is for the same one. */
  clientKey: publicKey,
  /** SHA-256, hex, of the canonical JSON of the scope: a renewal is for the same one. */
  scopeHash: z.string(),
});

export const deviceEvents = {
  'device.registration.requested': registrationRequested,
  'device.registration.approved': registrationApproved,
  'device.registration.rejected': registrationRejected,
  'device.registration.rejection_lifted': registrationRejectionLifted,
  'device.key.issued': deviceKeyIssued,
  'device.key.revoked': deviceKeyRevoked,
  'device.keys.rotated': deviceKeysRotated,
  'device.renamed': deviceRenamed,
  'device.labelled': deviceLabelled,
  'device.moved': deviceMoved,
  'device.grouped': deviceGrouped,
  'device.settings_changed': deviceSettingsChanged,
  'device.removed': deviceRemoved,
  'device.session.granted': sessionGranted,
} as const;

export type RegistrationRequested = z.infer<typeof registrationRequested>;
export type RegistrationApproved = z.infer<typeof registrationApproved>;
export type RegistrationRejected = z.infer<typeof registrationRejected>;
export type RegistrationRejectionLifted = z.infer<typeof registrationRejectionLifted>;
export type DeviceKeyIssued = z.infer<typeof deviceKeyIssued>;
export type DeviceKeyRevoked = z.infer<typeof deviceKeyRevoked>;
export type DeviceKeysRotated = z.infer<typeof deviceKeysRotated>;
export type DeviceRenamed = z.infer<typeof deviceRenamed>;
export type DeviceLabelled = z.infer<typeof deviceLabelled>;
export type DeviceMoved = z.infer<typeof deviceMoved>;
export type DeviceGrouped = z.infer<typeof deviceGrouped>;
export type DeviceSettingsChanged = z.infer<typeof deviceSettingsChanged>;
export type DeviceRemoved = z.infer<typeof deviceRemoved>;
export type DeviceSessionGranted = z.infer<typeof sessionGranted>;
