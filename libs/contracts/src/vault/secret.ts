import { z } from 'zod';

const versionNumber = z.int().min(1);
const sha256 = z.string().regex(/^[A-Za-z0-9_-]{43}$/);

/**
 * What every event of a secret says. `path` as it may be recorded, `secretId` new for each incarnation of a path, `state` the
 * SHA-256 of the secret's state after this event: what the vault's rows are compared with.
 */
const secretOf = { path: z.string(), secretId: z.uuid(), state: sha256 };

/** A new version. Never the value, and never its length. */
export const secretVersionWritten = z.object({
  ...secretOf,
  version: versionNumber,
  /** SHA-256 of the ciphertext. */
  digest: sha256,
  /** Of the tenant's key that wrapped the data key when it was written. */
  keyVersion: z.int().min(1),
  algorithm: z.literal('A256GCM'),
  /** Its name can be mounted and referenced. */
  referenceable: z.boolean(),
  expiresAt: z.iso.datetime().optional(),
  /** Versions beyond the limit: their ciphertexts are gone. */
  pruned: z.array(versionNumber),
});
export type SecretVersionWritten = z.infer<typeof secretVersionWritten>;

/** Can be restored until they are destroyed. */
export const secretVersionsDeleted = z.object({ ...secretOf, versions: z.array(versionNumber) });
export type SecretVersionsDeleted = z.infer<typeof secretVersionsDeleted>;

export const secretVersionsRestored = secretVersionsDeleted;
export type SecretVersionsRestored = z.infer<typeof secretVersionsRestored>;

/** Their ciphertexts are gone. */
export const secretVersionsDestroyed = secretVersionsDeleted;
export type SecretVersionsDestroyed = z.infer<typeof secretVersionsDestroyed>;

/** `customMetadata`: a keyed digest of it, because people write what they like there; null when there is none. */
export const secretMetadataChanged = z.object({
  ...secretOf,
  maxVersions: z.int().min(0),
  casRequired: z.boolean(),
  deleteVersionAfterSeconds: z.int().min(0),
  customMetadata: sha256.nullable(),
});
export type SecretMetadataChanged = z.infer<typeof secretMetadataChanged>;

/** All versions and the metadata are gone; the path may be used again, by another secret. */
export const secretForgotten = z.object({ ...secretOf });
export type SecretForgotten = z.infer<typeof secretForgotten>;

/** Defaults of a tenant's secrets. */
export const secretConfigChanged = z.object({
  maxVersions: z.int().min(0),
  casRequired: z.boolean(),
  deleteVersionAfterSeconds: z.int().min(0),
});
export type SecretConfigChanged = z.infer<typeof secretConfigChanged>;

/** Rows of a secret are not what the log says of them. Told once per finding. */
export const secretIntegrityViolated = z.object({
  path: z.string(),
  /** Stream of the secret. */
  stream: z.string(),
  version: z.int().min(0),
  finding: z.string(),
});
export type SecretIntegrityViolated = z.infer<typeof secretIntegrityViolated>;

export const secretEvents = {
  'secret.version_written': secretVersionWritten,
  'secret.versions_deleted': secretVersionsDeleted,
  'secret.versions_restored': secretVersionsRestored,
  'secret.versions_destroyed': secretVersionsDestroyed,
  'secret.metadata_changed': secretMetadataChanged,
  'secret.forgotten': secretForgotten,
  'secret.config_changed': secretConfigChanged,
  'secret.integrity_violated': secretIntegrityViolated,
} as const;
