import { z } from 'zod';

/** What identity publishes. Personal fields (`email`, `name`) are never in `data`: they are sealed under the person's key. */
export const tenantCreated = z.object({ name: z.string(), ownerId: z.uuid() });
export type TenantCreated = z.infer<typeof tenantCreated>;

export const userRegistered = z.object({ userId: z.uuid() });
export type UserRegistered = z.infer<typeof userRegistered>;

/** A service key (`mas`) is a principal of its own; a user key (`mau`) acts as its user. */
export const keyPrincipal = z.object({ type: z.enum(['service', 'user']), id: z.string() });
export type KeyPrincipal = z.infer<typeof keyPrincipal>;

export const keyCreated = z.object({
  keyId: z.uuid(),
  family: z.enum(['mas', 'mau']),
  name: z.string(),
  principal: keyPrincipal,
  /** Roles that policy grants to the principal of a service key on the whole tenant. */
  roles: z.array(z.string()),
  /** Base64 of HMAC-SHA256(pepper, key): all that is kept of the key. */
  fingerprint: z.base64(),
  displayPrefix: z.string(),
  expiresAt: z.iso.datetime().optional(),
  /** Source networks in CIDR form; none means any. */
  networks: z.array(z.string()).optional(),
});
export type KeyCreated = z.infer<typeof keyCreated>;

export const keyDisabled = z.object({ keyId: z.uuid(), reason: z.string().optional() });
export type KeyDisabled = z.infer<typeof keyDisabled>;

export const keyEnabled = z.object({ keyId: z.uuid() });
export type KeyEnabled = z.infer<typeof keyEnabled>;

export const setupOffered = z.object({
  ownerId: z.uuid(),
  /** Names this offer: an owner may be offered another one, which replaces it. */
  offerId: z.uuid(),
  /** Base64 of HMAC-SHA256(pepper, set-up token). */
  fingerprint: z.base64(),
  expiresAt: z.iso.datetime(),
});
export type SetupOffered = z.infer<typeof setupOffered>;

export const setupRedeemed = z.object({ ownerId: z.uuid(), offerId: z.uuid(), keyId: z.uuid() });
export type SetupRedeemed = z.infer<typeof setupRedeemed>;

/** Type -> versions of its data, newest last. A new version keeps the old ones here, with an upcaster. */
export const identityEvents = {
  'tenant.created': tenantCreated,
  'user.registered': userRegistered,
  'key.created': keyCreated,
  'key.disabled': keyDisabled,
  'key.enabled': keyEnabled,
  'setup.offered': setupOffered,
  'setup.redeemed': setupRedeemed,
} as const;
