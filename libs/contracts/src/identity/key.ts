import { z } from 'zod';

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
  /** Action patterns (`logs.*`): the key does nothing outside of them, whatever its principal may. Absent: no limit. */
  scopes: z.array(z.string()).optional(),
  /** Made elsewhere and brought here: its text was known before. */
  imported: z.boolean().optional(),
});
export type KeyCreated = z.infer<typeof keyCreated>;

export const keyDisabled = z.object({ keyId: z.uuid(), reason: z.string().optional() });
export type KeyDisabled = z.infer<typeof keyDisabled>;

export const keyEnabled = z.object({ keyId: z.uuid() });
export type KeyEnabled = z.infer<typeof keyEnabled>;

/** The same key with another text. The earlier text works until `previousValidUntil`, and its use afterwards is an alert. */
export const keyRotated = z.object({
  keyId: z.uuid(),
  fingerprint: z.base64(),
  displayPrefix: z.string(),
  previousFingerprint: z.base64(),
  previousValidUntil: z.iso.datetime(),
});
export type KeyRotated = z.infer<typeof keyRotated>;

export const keyEvents = {
  'key.created': keyCreated,
  'key.disabled': keyDisabled,
  'key.enabled': keyEnabled,
  'key.rotated': keyRotated,
} as const;
