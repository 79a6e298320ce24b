import { z } from 'zod';

export const transitKeyTypes = [
  'aes128-gcm96',
  'aes256-gcm96',
  'chacha20-poly1305',
  'ed25519',
  'ecdsa-p256',
  'ecdsa-p384',
  'ecdsa-p521',
  'rsa-2048',
  'rsa-3072',
  'rsa-4096',
  'hmac',
] as const;
export type TransitKeyType = (typeof transitKeyTypes)[number];

/** What every event of a transit key says. `name` as it may be recorded; `keyId` new for each incarnation of a name. */
const keyOf = { name: z.string(), keyId: z.uuid() };
const version = {
  version: z.int().min(1),
  /** PEM, of keys that have a public half. */
  publicKey: z.string().optional(),
};

/** With its first version. */
export const transitKeyCreated = z.object({
  ...keyOf,
  ...version,
  type: z.enum(transitKeyTypes),
  /** Every use names a context, from which its own key is derived. */
  derived: z.boolean(),
});
export type TransitKeyCreated = z.infer<typeof transitKeyCreated>;

export const transitKeyRotated = z.object({ ...keyOf, ...version });
export type TransitKeyRotated = z.infer<typeof transitKeyRotated>;

export const transitKeyConfigured = z.object({
  ...keyOf,
  minDecryptionVersion: z.int().min(1),
  /** 0: the latest only. */
  minEncryptionVersion: z.int().min(0),
  deletionAllowed: z.boolean(),
});
export type TransitKeyConfigured = z.infer<typeof transitKeyConfigured>;

/** What was encrypted under it can be read by nobody any more. */
export const transitKeyDeleted = z.object(keyOf);
export type TransitKeyDeleted = z.infer<typeof transitKeyDeleted>;

export const transitEvents = {
  'transit_key.created': transitKeyCreated,
  'transit_key.rotated': transitKeyRotated,
  'transit_key.configured': transitKeyConfigured,
  'transit_key.deleted': transitKeyDeleted,
} as const;
