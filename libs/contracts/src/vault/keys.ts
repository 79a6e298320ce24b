import { z } from 'zod';

/** 16 hexadecimal digits that follow from a root key and do not disclose it. */
const rootKeyId = z.string().regex(/^[0-9a-f]{16}$/);
const sealKind = z.enum(['file', 'env', 'shamir', 'aws-kms']);
const keyVersion = z.int().min(1);

/** The first root key exists. */
export const vaultInitialized = z.object({
  rootKey: rootKeyId,
  seal: sealKind,
  shares: z.int().optional(),
  threshold: z.int().optional(),
});
export type VaultInitialized = z.infer<typeof vaultInitialized>;

/** An operator sealed the vault: every replica forgets its keys. */
export const vaultSealed = z.object({});
export type VaultSealed = z.infer<typeof vaultSealed>;

/** One replica has its root key again; with shares of people each replica is unsealed by itself. */
export const vaultUnsealed = z.object({ rootKey: rootKeyId, seal: sealKind });
export type VaultUnsealed = z.infer<typeof vaultUnsealed>;

/** The same root keys under another seal, or under new keys or shares of the same. */
export const sealRekeyed = z.object({
  from: sealKind,
  to: sealKind,
  shares: z.int().optional(),
  threshold: z.int().optional(),
});
export type SealRekeyed = z.infer<typeof sealRekeyed>;

/** From here on tenant keys are wrapped under `to`; those under `from` follow. */
export const rootKeyRotationStarted = z.object({ from: rootKeyId, to: rootKeyId });
export type RootKeyRotationStarted = z.infer<typeof rootKeyRotationStarted>;

/** No tenant key is under `from` any more, and it is deleted. */
export const rootKeyRotated = z.object({ from: rootKeyId, to: rootKeyId });
export type RootKeyRotated = z.infer<typeof rootKeyRotated>;

export const tenantKeyCreated = z.object({ version: keyVersion });
export type TenantKeyCreated = z.infer<typeof tenantKeyCreated>;

/** What is written from now on is sealed under `version`; what was, follows. */
export const tenantKeyRotated = z.object({ version: keyVersion, previous: keyVersion });
export type TenantKeyRotated = z.infer<typeof tenantKeyRotated>;

/** No value is under this version any more, and it is deleted. */
export const tenantKeyRetired = z.object({ version: keyVersion });
export type TenantKeyRetired = z.infer<typeof tenantKeyRetired>;

/** The tenant's keys are wrapped under a key that only the tenant has. */
export const tenantSealed = z.object({});
export type TenantSealed = z.infer<typeof tenantSealed>;

export const tenantUnsealed = z.object({});
export type TenantUnsealed = z.infer<typeof tenantUnsealed>;

/** Somebody brought a key that does not unseal the tenant. */
export const tenantUnsealRefused = z.object({ wrongAttempts: z.int().min(1) });
export type TenantUnsealRefused = z.infer<typeof tenantUnsealRefused>;

/** Of seals and keys: those of the vault in the operator's log, the others in the tenant's. */
export const vaultKeyEvents = {
  'vault.initialized': vaultInitialized,
  'vault.sealed': vaultSealed,
  'vault.unsealed': vaultUnsealed,
  'seal.rekeyed': sealRekeyed,
  'root_key.rotation_started': rootKeyRotationStarted,
  'root_key.rotated': rootKeyRotated,
  'tenant_key.created': tenantKeyCreated,
  'tenant_key.rotated': tenantKeyRotated,
  'tenant_key.retired': tenantKeyRetired,
  'tenant.sealed': tenantSealed,
  'tenant.unsealed': tenantUnsealed,
  'tenant.unseal_refused': tenantUnsealRefused,
} as const;
export type VaultKeyEvent = keyof typeof vaultKeyEvents;
