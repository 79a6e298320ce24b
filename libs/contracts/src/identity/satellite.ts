import { z } from 'zod';

/** Who gets tokens for an audience: callers of its own tenant, or of any tenant. */
export const audienceAccess = z.enum(['tenant', 'anyone']);
export type AudienceAccess = z.infer<typeof audienceAccess>;

/**
 * A service that checks short-lived tokens itself, in the stream `audience:<name>`. The name stands alone in a token,
 * so it is unique in the installation. `guests` lets anybody have a token; `showsEmail` has `/api/v1/verify` tell the
 * address of a person of the same tenant.
 */
export const audienceCreated = z.object({
  name: z.string(),
  access: audienceAccess,
  guests: z.boolean(),
  showsEmail: z.boolean(),
});
export type AudienceCreated = z.infer<typeof audienceCreated>;

/** The whole of the settings as they are from now on. */
export const audienceChanged = audienceCreated;
export type AudienceChanged = AudienceCreated;

export const audienceDeactivated = z.object({ name: z.string(), reason: z.string().optional() });
export type AudienceDeactivated = z.infer<typeof audienceDeactivated>;

export const audienceReactivated = z.object({ name: z.string() });
export type AudienceReactivated = z.infer<typeof audienceReactivated>;

export const satelliteEvents = {
  'audience.created': audienceCreated,
  'audience.changed': audienceChanged,
  'audience.deactivated': audienceDeactivated,
  'audience.reactivated': audienceReactivated,
} as const;
