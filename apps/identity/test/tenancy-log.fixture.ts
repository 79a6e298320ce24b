import { type MemberRole, memberRoles } from '@gatehouse/contracts';

/** One event of identity's log, as far as the check reads it. */
export interface LoggedEvent {
  readonly type: string;
  readonly actor: { readonly type: string; readonly id: string };
  readonly correlationId: string;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Gift {
  readonly giver: string;
  readonly role: MemberRole;
}

const rank = (role: MemberRole | undefined) => (role === undefined ? memberRoles.length : memberRoles.indexOf(role));

/**
 * An auditor of one tenant's events that knows nothing of the code which wrote them: it replays them in the order of
 * the log, and notes whoever was given more than the giver had at that moment, whoever touched somebody above, and
 * every moment without an owner.
 */
export class TenantAudit {
  readonly complaints: string[] = [];
  readonly #roles = new Map<string, MemberRole>();
  readonly #invitations = new Map<string, Gift>();
  /** `<correlation>/<user>` of an acceptance -> who had invited. */
  readonly #accepted = new Map<string, string>();
  readonly #onProjects = new Map<string, Map<string, MemberRole>>();
  readonly #teams = new Map<string, Set<string>>();
  #closed = false;

  read(event: LoggedEvent): void {
    const before = this.#owners();
    this.#rules[event.type]?.(event, event.data as never);
    if (before > 0 && this.#owners() === 0 && !this.#closed && event.data.reason !== 'erased')
      this.#complain(event, 'the tenant has no owner');
  }

  #owners = (): number => [...this.#roles.values()].filter((role) => role === 'owner').length;

  #complain(event: LoggedEvent, what: string): void {
    this.complaints.push(`${what}: ${JSON.stringify(event)}`);
  }

  /** Nobody gives, takes or touches more than he has. */
  #mayTouch(event: LoggedEvent, giver: string, role: MemberRole, own = this.#roles.get(giver)): void {
    if (rank(role) < rank(own)) this.#complain(event, `${giver} (${own}) touched ${role}`);
  }

  /** The highest role of somebody on a project, inherited or given there. */
  #onProject(projectId: string, userId: string): MemberRole | undefined {
    const own = this.#roles.get(userId);
    if (own === undefined) return undefined;
    const held = [...(this.#onProjects.get(projectId) ?? [])]
      .filter(([subject]) => subject === `user/${userId}` || this.#teams.get(subject.slice(5))?.has(userId))
      .map(([, role]) => role);
    return [own, ...held].sort((a, b) => rank(a) - rank(b))[0];
  }

  #teamRoles = (teamId: string): MemberRole[] =>
    [...this.#onProjects.values()].flatMap((roles) => roles.get(`team/${teamId}`) ?? []);

  #invited(event: LoggedEvent, { invitationId }: { invitationId: string }, role: MemberRole): void {
    this.#mayTouch(event, event.actor.id, role);
    this.#invitations.set(invitationId, { giver: event.actor.id, role });
  }

  readonly #rules: Readonly<Record<string, (event: LoggedEvent, data: never) => void>> = {
    'tenant.created': (_event, { ownerId }: { ownerId: string }) => this.#roles.set(ownerId, 'owner'),
    'tenant.closed': () => {
      this.#closed = true;
    },
    'invitation.created': (event, data: { invitationId: string; role: MemberRole }) =>
      this.#invited(event, data, data.role),
    'invitation.resent': (event, data: { invitationId: string }) =>
      this.#invited(event, data, this.#invitations.get(data.invitationId)?.role ?? 'owner'),
    'member.added': (event, data: { userId: string; role: MemberRole; invitationId?: string; via: string }) => {
      const gift = this.#invitations.get(data.invitationId ?? '');
      if (data.via === 'invitation') {
        if (gift) this.#mayTouch(event, gift.giver, data.role);
        else this.#complain(event, 'no invitation');
        this.#accepted.set(`${event.correlationId}/${data.userId}`, gift?.giver ?? '');
      }
      this.#roles.set(data.userId, data.role);
    },
    'member.role_changed': (event, data: { userId: string; role: MemberRole; previousRole: MemberRole }) => {
      this.#mayTouch(event, event.actor.id, data.previousRole);
      this.#mayTouch(event, event.actor.id, data.role);
      this.#roles.set(data.userId, data.role);
    },
    'member.removed': (event, { userId }: { userId: string }) => {
      const own = this.#closed ? 'owner' : this.#roles.get(event.actor.id);
      this.#mayTouch(event, event.actor.id, this.#roles.get(userId) ?? 'owner', own);
      this.#roles.delete(userId);
    },
    'team.member_added': (event, { teamId, userId }: { teamId: string; userId: string }) => {
      const giver = this.#accepted.get(`${event.correlationId}/${userId}`) ?? event.actor.id;
      for (const role of this.#teamRoles(teamId)) this.#mayTouch(event, giver, role);
      if (!this.#roles.has(userId)) this.#complain(event, 'no member');
      this.#teams.set(teamId, (this.#teams.get(teamId) ?? new Set()).add(userId));
    },
    'team.member_removed': (_event, { teamId, userId }: { teamId: string; userId: string }) =>
      this.#teams.get(teamId)?.delete(userId),
    'project.role_granted': (
      event,
      data: { projectId: string; subject: { type: string; id: string }; role: MemberRole },
    ) => {
      this.#mayTouch(event, event.actor.id, data.role, this.#onProject(data.projectId, event.actor.id));
      const roles = this.#onProjects.get(data.projectId) ?? new Map<string, MemberRole>();
      this.#onProjects.set(data.projectId, roles.set(`${data.subject.type}/${data.subject.id}`, data.role));
    },
    'project.role_revoked': (_event, data: { projectId: string; subject: { type: string; id: string } }) =>
      this.#onProjects.get(data.projectId)?.delete(`${data.subject.type}/${data.subject.id}`),
  };

  /** Whoever is no member any more holds nothing. */
  finish(): readonly string[] {
    const isGone = (userId: string) => !this.#roles.has(userId);
    for (const [teamId, members] of this.#teams)
      for (const userId of members) if (isGone(userId)) this.complaints.push(`${userId} is left in team ${teamId}`);
    for (const [projectId, roles] of this.#onProjects)
      for (const subject of roles.keys())
        if (subject.startsWith('user/') && isGone(subject.slice(5)))
          this.complaints.push(`${subject} is left on project ${projectId}`);
    return this.complaints;
  }
}
