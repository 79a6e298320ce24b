import type { MemberAdded, MemberRole } from '@gatehouse/contracts';
import type { Pepper } from '@gatehouse/crypto';
import type { CommandContext, PostgresEventStore } from '@gatehouse/event-store';
import type pg from 'pg';
import type { People } from '../../person/people.service.js';
import { addMember } from '../member/membership.service.js';
import type { Memberships } from '../memberships.service.js';
import { refusal } from '../refusals.js';
import { teamMemberAdded, teamStream } from '../team/team.js';
import { mayFill, rolesOfTeams } from '../team/team-rows.service.js';
import { appendTo, type Change, type Client, openOrganization, roleOfActor } from '../tenancy-change.service.js';
import { acceptInvitation, invitationStream } from './invitation.js';
import { findInvitation, type InvitationRow } from './invitation-rows.service.js';
import { fingerprintOf, isInvitationToken } from './token.js';

export interface InvitationsOptions {
  /** Connections of the system role: a link is looked up before its tenant is known. */
  readonly pool: pg.Pool;
  readonly store: PostgresEventStore;
  readonly people: People;
  readonly memberships: Memberships;
  readonly pepper: Pepper;
}

export interface Accepted {
  readonly tenantId: string;
  readonly name: string;
  readonly role: MemberRole;
}

interface Found {
  readonly tenantId: string;
  readonly invitationId: string;
  readonly emailIndex: string | null;
  readonly role: MemberRole;
  readonly live: boolean;
}

/** The other end of an invitation: whoever holds its link. */
export class Invitations {
  readonly #options: InvitationsOptions;

  constructor(options: InvitationsOptions) {
    this.#options = options;
  }

  /**
   * What a registration page may say about a link: where it leads, and whether it is for this address. Undefined for a
   * link that is wrong, used, revoked or expired, without saying which.
   */
  async peek(token: string, email?: string): Promise<(Accepted & { readonly emailMatches: boolean }) | undefined> {
    const found = await this.#find(token, Date.now());
    if (!found?.live) return undefined;
    const { tenantId, role, emailIndex } = found;
    const name = await this.#options.memberships.nameOf(tenantId);
    if (name === undefined) return undefined;
    const emailMatches = email !== undefined && emailIndex === this.#options.people.indexOf(email);
    return { tenantId, name, role, emailMatches };
  }

  /**
   * Makes somebody, whose address is verified, a member by a link that was sent to this address. One transaction in the
   * inviting tenant; the same link again is refused.
   *
   * @param context of the person's request; its tenant does not matter
   * @throws Refusal `invitation_invalid` whatever is wrong with the link, `already_member`
   */
  async acceptFor(context: CommandContext, userId: string, token: string): Promise<Accepted> {
    const found = await this.#find(token, context.now);
    if (!found) throw refusal('invitation_invalid');
    const emailIndex = await this.#verifiedIndexOf(userId);
    const { tenantId, invitationId } = found;
    return this.#options.store.together(tenantId, async (log, client) => {
      const change: Change = { log, client, context: { ...context, tenantId } };
      const { name } = await openOrganization(change).catch(hideTenant);
      const invitation = await findInvitation(client, tenantId, invitationId);
      const inviterRole = invitation && (await this.#roleOfInviter(client, tenantId, invitation));
      const command = { userId, emailIndex, inviterRole, now: context.now };
      const accepted = acceptInvitation(command, invitation);
      const { role, teamIds } = invitation ?? found;
      const data: MemberAdded = { userId, role, via: 'invitation', invitationId };
      // COMMIT POINT of all of it: a member without a used link could use it again, a used link without a member never.
      await addMember(change, data);
      await appendTo(change, invitationStream(invitationId), accepted);
      await joinTeams(change, userId, teamIds ?? [], inviterRole);
      return { tenantId, name, role };
    });
  }

  async #find(token: string, nowMs: number): Promise<(Found & { readonly teamIds?: readonly string[] }) | undefined> {
    if (!isInvitationToken(token)) return undefined;
    const { rows } = await this.#options.pool.query<Found>(
      `select tenant_id as "tenantId", invitation_id as "invitationId", email_index as "emailIndex", role,
         status = 'pending' and expires_at > $2 as live
       from invitations where fingerprint = $1`,
      [fingerprintOf(this.#options.pepper, token), new Date(nowMs)],
    );
    return rows[0];
  }

  /** What the inviter ranks as now: nothing, once the person was disabled. */
  async #roleOfInviter(client: Client, tenantId: string, { inviterType: type, inviterId: id }: InvitationRow) {
    const person = type === 'user' ? await this.#options.people.byId(id) : undefined;
    return person && person.status !== 'active' ? undefined : roleOfActor(client, tenantId, { type, id });
  }

  async #verifiedIndexOf(userId: string): Promise<string | undefined> {
    const { people } = this.#options;
    const person = await people.byId(userId);
    if (person?.status !== 'active') return undefined;
    const { email } = await people.profileOf(person);
    return email === undefined ? undefined : people.indexOf(email);
  }
}

/** That a tenant is closed is nothing the holder of a link should learn. */
const hideTenant = (error: unknown): never => {
  throw (error as { code?: unknown }).code === 'tenant_closed' ? refusal('invitation_invalid') : error;
};

/** Teams that are gone, or that the inviter could not fill any more, are left out. */
async function joinTeams(
  change: Change,
  userId: string,
  teamIds: readonly string[],
  inviterRole: MemberRole | undefined,
): Promise<void> {
  const { client, context } = change;
  for (const team of await rolesOfTeams(client, context.tenantId, teamIds)) {
    if (!mayFill(team, inviterRole)) continue;
    await appendTo(change, teamStream(team.teamId), [teamMemberAdded({ teamId: team.teamId, userId })]);
  }
}
