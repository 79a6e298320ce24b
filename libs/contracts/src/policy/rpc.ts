import { z } from 'zod';
import { actor } from '../envelope.js';
import { entity, noted } from './events.js';

/** Asked by our own services before they act: one recorded decision. Answered only when it is durable. */
export const decide = {
  service: 'policy',
  method: 'decide',
  request: z.object({
    tenantId: z.string(),
    /** The principal that wants to act. */
    subject: entity,
    action: z.string().max(128),
    resource: entity,
    /** Action patterns of the credential: outside of them the answer is no, whatever the principal may. */
    scopes: z.array(z.string().max(128)).max(64).optional(),
    /** Id of the credential that the principal came with: what rate limits of scope `per_key` count by. */
    credential: z.string().max(128).optional(),
    /** Recorded with the decision; no rule reads it. At most 8 members. */
    noted: noted.refine((given) => Object.keys(given).length <= 8, 'has at most 8 members').optional(),
    /** The service that asks. */
    caller: actor,
    /** A position of policy's log that the decision must have read up to: that of the asker's own last write. */
    minPosition: z.string().max(64).optional(),
    source: z.object({ ip: z.string().max(64).optional() }).optional(),
    /** Whether what was allowed, and counted, before still is: rate limits are neither consumed nor asked. */
    again: z.boolean().optional(),
  }),
  response: z.object({ decision: z.boolean(), id: z.string(), reason: z.string() }),
} as const;
export type DecideRequest = z.infer<typeof decide.request>;
export type DecideResponse = z.infer<typeof decide.response>;

/** Asked by the registry after an approval: waits until what its log says up to `position` counts in decisions. */
export const devicesKnown = {
  service: 'policy',
  method: 'devices_known',
  request: z.object({ position: z.string().max(64), waitMs: z.int().min(0).max(5_000) }),
  /** Of policy's log: who passes it as `Gatehouse-Position` reads no older facts. Absent: not yet. */
  response: z.object({ position: z.string().optional() }),
} as const;
