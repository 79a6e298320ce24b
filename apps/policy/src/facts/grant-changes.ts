import {
  clientPrincipalId,
  type Entity,
  type Envelope,
  type KeyCreated,
  type MemberAdded,
  type MemberRemoved,
  type MemberRoleChanged,
  type OauthClientRegistered,
  type OauthClientRemoved,
  type ProjectRoleGranted,
  type TeamMemberAdded,
  type TenantCreated,
} from '@gatehouse/contracts';
import type { GrantTerms } from '../grant/grant.js';
import type { Membership } from '../group/group.js';

/** What an event of identity means for the facts here. */
export type FactChange =
  | { readonly kind: 'grant' | 'revoke'; readonly terms: GrantTerms }
  | { readonly kind: 'join' | 'leave'; readonly membership: Membership }
  /** Everything the subject holds in the tenant, however it came to it. */
  | { readonly kind: 'revoke_all'; readonly subject: Entity }
  /** What was granted to the subject before the event. */
  | { readonly kind: 'revoke_earlier'; readonly subject: Entity };

const serviceOf = (name: string): Entity => ({ type: 'service', id: clientPrincipalId(name) });
const user = (id: string): Entity => ({ type: 'user', id });
const wholeTenant = '*';

const grant = (subject: Entity, role: string, scope = wholeTenant): FactChange => ({
  kind: 'grant',
  terms: { subject, role, scope },
});
const revoke = (subject: Entity, role: string, scope = wholeTenant): FactChange => ({
  kind: 'revoke',
  terms: { subject, role, scope },
});

const membershipOf = ({ teamId, userId }: TeamMemberAdded): Membership => ({
  group: { type: 'team', id: teamId },
  member: user(userId),
});

type Effect = (data: Readonly<Record<string, unknown>>) => readonly FactChange[];
const effect =
  <T>(changes: (data: T) => readonly FactChange[]): Effect =>
  (data) =>
    changes(data as T);

/** Event type -> its effect. What is not here means nothing to a decision. */
const effects: Readonly<Record<string, Effect>> = {
  'tenant.created': effect<TenantCreated>(({ ownerId }) => [grant(user(ownerId), 'owner')]),
  // A service begins with the roles of its key and nothing else: what somebody granted to its name before there was one
  // must not fall to whoever may make a key of that name.
  'key.created': effect<KeyCreated>(({ principal, roles }) => [
    ...(principal.type === 'service' ? [{ kind: 'revoke_earlier', subject: principal } as const] : []),
    ...roles.map((role) => grant(principal, role)),
  ]),
  // A client that acts for itself, like a service's key; a dot keeps the two apart.
  'oauth_client.registered': effect<OauthClientRegistered>(({ kind, name, roles }) =>
    kind === 'service' ? roles.map((role) => grant(serviceOf(name), role)) : [],
  ),
  'oauth_client.removed': effect<OauthClientRemoved>(({ name }) => [{ kind: 'revoke_all', subject: serviceOf(name) }]),
  'member.added': effect<MemberAdded>(({ userId, role }) => [grant(user(userId), role)]),
  'member.role_changed': effect<MemberRoleChanged>(({ userId, role, previousRole }) => [
    revoke(user(userId), previousRole),
    grant(user(userId), role),
  ]),
  // Not only the role: who left keeps nothing that anybody gave him here.
  'member.removed': effect<MemberRemoved>(({ userId }) => [{ kind: 'revoke_all', subject: user(userId) }]),
  'team.member_added': effect<TeamMemberAdded>((data) => [{ kind: 'join', membership: membershipOf(data) }]),
  'team.member_removed': effect<TeamMemberAdded>((data) => [{ kind: 'leave', membership: membershipOf(data) }]),
  'project.role_granted': effect<ProjectRoleGranted>(({ projectId, subject, role }) => [
    grant(subject, role, `project/${projectId}`),
  ]),
  'project.role_revoked': effect<ProjectRoleGranted>(({ projectId, subject, role }) => [
    revoke(subject, role, `project/${projectId}`),
  ]),
};

/** The changes of one event, in order. */
export const factChanges = ({ type, data }: Pick<Envelope, 'type' | 'data'>): readonly FactChange[] =>
  Object.hasOwn(effects, type) ? (effects[type]?.(data) ?? []) : [];
