import { z } from 'zod';

export const entity = z.object({ type: z.string().min(1).max(64), id: z.string().min(1).max(512) });
export type Entity = z.infer<typeof entity>;

export const roleGranted = z.object({
  grantId: z.string(),
  subject: entity,
  role: z.string(),
  /** `tenant`, or a resource path such as `project/app-web` or `scope/production`. */
  scope: z.string(),
});
export type RoleGranted = z.infer<typeof roleGranted>;

export const roleRevoked = z.object({ grantId: z.string() });
export type RoleRevoked = z.infer<typeof roleRevoked>;

/** A member holds what its group holds: teams of a tenant, as identity told of them. */
export const groupJoined = z.object({ group: entity, member: entity });
export type GroupJoined = z.infer<typeof groupJoined>;

export const groupLeft = z.object({ group: entity, member: entity });
export type GroupLeft = z.infer<typeof groupLeft>;

/** One answered question. Who asked is the envelope's actor; the subject is whom the question was about. */
export const decisionRecorded = z.object({
  subject: entity,
  action: z.string(),
  resource: entity,
  decision: z.boolean(),
  reason: z.string(),
  /** Digest of the policy version that was evaluated. */
  policy: z.string(),
  /** Position of policy's log up to which facts were read. */
  facts: z.string(),
  /** The rules that decided, `<role>#<rule>`, and the grants that brought them. */
  matched: z.array(z.string()),
});
export type DecisionRecorded = z.infer<typeof decisionRecorded>;

export const policyEvents = {
  'role.granted': roleGranted,
  'role.revoked': roleRevoked,
  'group.joined': groupJoined,
  'group.left': groupLeft,
  'decision.recorded': decisionRecorded,
} as const;
