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

const attributes = z.record(z.string(), z.unknown());

/** What is known of one subject or resource of a tenant; the later replaces the earlier whole. */
export const entityDescribed = z.object({
  entity,
  labels: z.record(z.string(), z.string()),
  properties: attributes,
  parents: z.array(entity),
  owner: entity.optional(),
});
export type EntityDescribed = z.infer<typeof entityDescribed>;

export const entityForgotten = z.object({ entity });
export type EntityForgotten = z.infer<typeof entityForgotten>;

export const relationshipMade = z.object({ subject: entity, relation: z.string(), resource: entity });
export type RelationshipMade = z.infer<typeof relationshipMade>;

export const relationshipEnded = relationshipMade;
export type RelationshipEnded = z.infer<typeof relationshipEnded>;

/** A version exists: its text is stored under the digest of its canonical form and never changes. */
export const policyDrafted = z.object({ digest: z.string(), bytes: z.number().int(), title: z.string() });
export type PolicyDrafted = z.infer<typeof policyDrafted>;

/** With four eyes: somebody else has to approve. */
export const policyActivationRequested = z.object({
  requestId: z.string(),
  digest: z.string().nullable(),
  previous: z.string().nullable(),
  reason: z.string(),
  rollback: z.boolean(),
});
export type PolicyActivationRequested = z.infer<typeof policyActivationRequested>;

/** With four eyes, the same for what a tenant decides in: the mode, and the four eyes themselves. */
export const policySettingsRequested = z.object({
  requestId: z.string(),
  mode: z.enum(['strict', 'audit_only']),
  fourEyes: z.boolean(),
  reason: z.string(),
});
export type PolicySettingsRequested = z.infer<typeof policySettingsRequested>;

/** Of a request of either kind: by somebody else, or by who made it. */
export const policyActivationRejected = z.object({ requestId: z.string(), reason: z.string() });
export type PolicyActivationRejected = z.infer<typeof policyActivationRejected>;

/** From its place in the log on this version decides; `null`: the built-in roles alone. */
export const policyActivated = z.object({
  digest: z.string().nullable(),
  previous: z.string().nullable(),
  reason: z.string(),
  rollback: z.boolean(),
  /** Of the request that somebody else made. */
  requestId: z.string().optional(),
});
export type PolicyActivated = z.infer<typeof policyActivated>;

export const policyMode = z.enum(['strict', 'audit_only']);
export type PolicyMode = z.infer<typeof policyMode>;

export const policySettingsChanged = z.object({
  mode: policyMode,
  fourEyes: z.boolean(),
  reason: z.string(),
  /** Of the request that somebody else made. */
  requestId: z.string().optional(),
});
export type PolicySettingsChanged = z.infer<typeof policySettingsChanged>;

/** What the evaluator read of a request beside its names. */
const given = z.object({
  subject: attributes.optional(),
  action: attributes.optional(),
  resource: attributes.optional(),
  context: attributes.optional(),
});

/** What a service of ours says of a question beyond what decides it: the version of the secret that is to be read. */
export const noted = z.record(
  z.string().regex(/^[a-z][a-zA-Z0-9]{0,31}$/),
  z.union([z.string().max(128), z.number(), z.boolean()]),
);
export type Noted = z.infer<typeof noted>;

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
  /** The rules that decided: `<role>#<rule>@<grant>`, or the id of a rule of the tenant's policy. */
  matched: z.array(z.string()),
  given: given.optional(),
  /** Ids of the rules whose obligations were answered. */
  obligations: z.array(z.string()).optional(),
  /** The tenant was in this mode: `decision` is what was answered, `reason` what the policy said. */
  mode: z.literal('audit_only').optional(),
  noted: noted.optional(),
  /** Rate limits that were consumed, or that refused. */
  limits: z.array(z.string()).optional(),
  /**
   * The question was about the past: the position or time as it was asked. `facts` is the position of that moment, and
   * the time that decided is the one asked about, or else `occurredAt`.
   */
  asOf: z.string().optional(),
  /** Whether what was allowed before still is: no rate limit was consumed or asked. */
  again: z.literal(true).optional(),
});
export type DecisionRecorded = z.infer<typeof decisionRecorded>;

/** The answered questions of one batch: all were decided by one policy on the same facts. Item n has the id `<event id>.<n>`. */
export const decisionsRecorded = z.object({
  policy: z.string(),
  facts: z.string(),
  items: z.array(decisionRecorded.omit({ policy: true, facts: true })),
});
export type DecisionsRecorded = z.infer<typeof decisionsRecorded>;

export const policyEvents = {
  'role.granted': roleGranted,
  'role.revoked': roleRevoked,
  'group.joined': groupJoined,
  'group.left': groupLeft,
  'entity.described': entityDescribed,
  'entity.forgotten': entityForgotten,
  'relationship.made': relationshipMade,
  'relationship.ended': relationshipEnded,
  'policy.drafted': policyDrafted,
  'policy.activation_requested': policyActivationRequested,
  'policy.settings_requested': policySettingsRequested,
  'policy.activation_rejected': policyActivationRejected,
  'policy.activated': policyActivated,
  'policy.settings_changed': policySettingsChanged,
  'decision.recorded': decisionRecorded,
  'decisions.recorded': decisionsRecorded,
} as const;
