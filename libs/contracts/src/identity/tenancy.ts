import { z } from 'zod';

/** Roles a member can hold, highest first: nobody gives more than he has. */
export const memberRoles = ['owner', 'admin', 'maintainer', 'developer', 'user', 'viewer'] as const;
export const memberRole = z.enum(memberRoles);
export type MemberRole = z.infer<typeof memberRole>;

/**
 * A tenant and its first owner, who is a member of it from this event on. `kind` is absent in events of the first
 * version, which all made organizations.
 */
export const tenantCreated = z.object({
  name: z.string(),
  ownerId: z.uuid(),
  kind: z.enum(['personal', 'organization']).optional(),
});
export type TenantCreated = z.infer<typeof tenantCreated>;

export const tenantRenamed = z.object({ name: z.string() });
export type TenantRenamed = z.infer<typeof tenantRenamed>;

/** The whole of the settings as they are from now on. */
export const tenantSettingsChanged = z.object({ requireSecondFactor: z.boolean() });
export type TenantSettingsChanged = z.infer<typeof tenantSettingsChanged>;

/** Nobody can act in it any more; its id is never used again. */
export const tenantClosed = z.object({ reason: z.string().optional() });
export type TenantClosed = z.infer<typeof tenantClosed>;

export const memberAdded = z.object({
  userId: z.uuid(),
  role: memberRole,
  via: z.enum(['invitation', 'federation', 'operator']),
  invitationId: z.uuid().optional(),
});
export type MemberAdded = z.infer<typeof memberAdded>;

export const memberRoleChanged = z.object({ userId: z.uuid(), role: memberRole, previousRole: memberRole });
export type MemberRoleChanged = z.infer<typeof memberRoleChanged>;

export const memberRemoved = z.object({
  userId: z.uuid(),
  role: memberRole,
  reason: z.enum(['left', 'removed', 'erased', 'tenant_closed']),
});
export type MemberRemoved = z.infer<typeof memberRemoved>;

/**
 * Somebody is invited by mail; the address is the sealed field `email`, under the key of `invitation-<invitationId>`.
 * `fingerprint` is base64 of HMAC-SHA256(pepper, token): all that is kept of the link.
 */
export const invitationCreated = z.object({
  invitationId: z.uuid(),
  role: memberRole,
  teamIds: z.array(z.string()),
  fingerprint: z.base64(),
  expiresAt: z.iso.datetime(),
});
export type InvitationCreated = z.infer<typeof invitationCreated>;

/** Sent again with another link; the earlier one is void. */
export const invitationResent = invitationCreated.pick({ invitationId: true, fingerprint: true, expiresAt: true });
export type InvitationResent = z.infer<typeof invitationResent>;

export const invitationAccepted = z.object({ invitationId: z.uuid(), userId: z.uuid() });
export type InvitationAccepted = z.infer<typeof invitationAccepted>;

export const invitationRevoked = z.object({
  invitationId: z.uuid(),
  reason: z.enum(['revoked', 'replaced', 'tenant_closed', 'erased']),
});
export type InvitationRevoked = z.infer<typeof invitationRevoked>;

export const teamMemberAdded = z.object({ teamId: z.string(), userId: z.uuid() });
export type TeamMemberAdded = z.infer<typeof teamMemberAdded>;

export const teamMemberRemoved = z.object({ teamId: z.string(), userId: z.uuid() });
export type TeamMemberRemoved = z.infer<typeof teamMemberRemoved>;

export const teamCreated = z.object({ teamId: z.string(), name: z.string() });
export type TeamCreated = z.infer<typeof teamCreated>;

export const teamRenamed = teamCreated;
export type TeamRenamed = z.infer<typeof teamRenamed>;

/** Its members were removed and its project roles revoked by events before this one, in the same transaction. */
export const teamDeleted = z.object({ teamId: z.string() });
export type TeamDeleted = z.infer<typeof teamDeleted>;

export const projectCreated = z.object({
  projectId: z.string(),
  name: z.string(),
  environments: z.array(z.string()),
});
export type ProjectCreated = z.infer<typeof projectCreated>;

export const projectRenamed = z.object({ projectId: z.string(), name: z.string() });
export type ProjectRenamed = z.infer<typeof projectRenamed>;

/** Its roles were revoked by events before this one, in the same transaction. Its id is never used again. */
export const projectDeleted = z.object({ projectId: z.string() });
export type ProjectDeleted = z.infer<typeof projectDeleted>;

export const projectEnvironmentAdded = z.object({ projectId: z.string(), environment: z.string() });
export type ProjectEnvironmentAdded = z.infer<typeof projectEnvironmentAdded>;

export const projectEnvironmentRemoved = projectEnvironmentAdded;
export type ProjectEnvironmentRemoved = z.infer<typeof projectEnvironmentRemoved>;

/** Policy grants `role` on `project/<projectId>` to a member or a team of the tenant. */
export const projectRoleGranted = z.object({
  projectId: z.string(),
  subject: z.object({ type: z.enum(['user', 'team']), id: z.string() }),
  role: memberRole,
});
export type ProjectRoleGranted = z.infer<typeof projectRoleGranted>;

export const projectRoleRevoked = projectRoleGranted;
export type ProjectRoleRevoked = z.infer<typeof projectRoleRevoked>;

export const tenancyEvents = {
  'tenant.created': tenantCreated,
  'tenant.renamed': tenantRenamed,
  'tenant.settings_changed': tenantSettingsChanged,
  'tenant.closed': tenantClosed,
  'member.added': memberAdded,
  'member.role_changed': memberRoleChanged,
  'member.removed': memberRemoved,
  'invitation.created': invitationCreated,
  'invitation.resent': invitationResent,
  'invitation.accepted': invitationAccepted,
  'invitation.revoked': invitationRevoked,
  'team.created': teamCreated,
  'team.renamed': teamRenamed,
  'team.deleted': teamDeleted,
  'team.member_added': teamMemberAdded,
  'team.member_removed': teamMemberRemoved,
  'project.created': projectCreated,
  'project.renamed': projectRenamed,
  'project.deleted': projectDeleted,
  'project.environment_added': projectEnvironmentAdded,
  'project.environment_removed': projectEnvironmentRemoved,
  'project.role_granted': projectRoleGranted,
  'project.role_revoked': projectRoleRevoked,
} as const;
