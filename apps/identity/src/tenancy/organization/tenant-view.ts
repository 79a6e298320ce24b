import { memberRole } from '@gatehouse/contracts';
import { z } from 'zod';

/** One of the tenants that a person belongs to. */
export const membershipView = z.object({
  tenantId: z.string(),
  name: z.string(),
  kind: z.enum(['personal', 'organization']),
  role: memberRole,
  requireSecondFactor: z.boolean(),
  addedAt: z.iso.datetime(),
});

/** A tenant as its members see it. */
export const tenantView = z.object({
  tenantId: z.string(),
  name: z.string(),
  kind: z.enum(['personal', 'organization']),
  status: z.enum(['active', 'closed']),
  settings: z.object({ requireSecondFactor: z.boolean() }),
  /** For `If-Match`. */
  revision: z.int(),
});
