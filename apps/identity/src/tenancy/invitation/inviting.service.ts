import type { InvitationRevoked, MemberRole } from '@gatehouse/contracts';
import { type Pepper, uuidv7 } from '@gatehouse/crypto';
import { ProblemError } from '@gatehouse/http';
import type pg from 'pg';
import type { Mailbox, SealedMail } from '../../mail/mailbox.service.js';
import type { People } from '../../person/people.service.js';
import type { Seal, SubjectKeys } from '../../user/subject-keys.service.js';
import type { Memberships } from '../memberships.service.js';
import { refusal } from '../refusals.js';
import { checkTeams } from '../team/team-rows.service.js';
import { appendTo, type Change, openOrganization, roleOfActor, roleOfMember } from '../tenancy-change.service.js';
import { createInvitation, invitationStream, invitationSubject, resendInvitation } from './invitation.js';
import { countSent, findInvitation, type InvitationRow, pendingOf } from './invitation-rows.service.js';
import { viewOfInvitation } from './invitation-view.js';
import { invitationLetter } from './letter.js';
import { fingerprintOf, newInvitationToken } from './token.js';

export interface InvitingOptions {
  readonly pool: pg.Pool;
  readonly subjectKeys: SubjectKeys;
  readonly people: People;
  readonly memberships: Memberships;
  readonly mailbox: Mailbox;
  readonly pepper: Pepper;
  readonly publicUrl: string;
  /** Letters per tenant and 24 hours. */
  readonly dailyLimit: number;
}

export interface WantedInvitation {
  readonly email: string;
  readonly role: MemberRole;
  readonly teamIds: readonly string[];
  /** RFC 3339. */
  readonly expiresAt: string;
}

interface Letter {
  readonly fingerprint: string;
  readonly mail: SealedMail;
}

/** An invitation with its letter, sealed and ready to be stored. */
export interface Draft extends WantedInvitation, Letter {
  readonly invitationId: string;
  readonly emailIndex: string;
  readonly seal: Seal;
  /** Who has this address now, if anybody. */
  readonly userId: string | undefined;
}

/** The tenant's end of an invitation: writing, sending and showing it. */
export class Inviting {
  readonly #options: InvitingOptions;

  constructor(options: InvitingOptions) {
    this.#options = options;
  }

  /** Everything that cannot be done inside the transaction: keys and letters are sealed in transactions of their own. */
  async draft(tenantId: string, wanted: WantedInvitation, nowMs: number): Promise<Draft> {
    const { people, subjectKeys } = this.#options;
    const invitationId = uuidv7(nowMs);
    const seal = await subjectKeys.sealerFor(tenantId, invitationSubject(invitationId));
    const letter = await this.#letter(tenantId, invitationId, wanted, nowMs);
    const userId = (await people.byEmail(wanted.email))?.userId;
    return { ...wanted, ...letter, invitationId, seal, userId, emailIndex: people.indexOf(wanted.email) };
  }

  /** Stores an invitation with its letter; an earlier one of the same address is void from then on. */
  async invite(change: Change, draft: Draft, commandId: string | undefined): Promise<void> {
    const { client, context } = change;
    const { tenantId } = context;
    await openOrganization(change);
    const { invitationId, role, teamIds, fingerprint, expiresAt, seal, email, emailIndex, userId, mail } = draft;
    const inviterRole = await roleOfActor(client, tenantId, context.actor);
    const sentToday = await countSent(client, tenantId, context.now);
    const { dailyLimit } = this.#options;
    const events = createInvitation({
      ...{
        invitationId,
        role,
        teamIds: [...new Set(teamIds)],
        fingerprint,
        expiresAt,
        inviterRole,
        sentToday,
        dailyLimit,
      },
      email: seal('email', email),
    });
    await checkTeams(client, tenantId, teamIds, inviterRole);
    if (userId !== undefined && (await roleOfMember(client, tenantId, userId)) !== undefined)
      throw refusal('already_member');
    // The command id belongs to the first append, so the new one comes before the old ones end.
    await appendTo(change, invitationStream(invitationId), events, commandId);
    for (const earlier of await pendingOf(client, tenantId, emailIndex))
      if (earlier !== invitationId) await replace(change, earlier);
    await this.#options.mailbox.enqueue(client, mail);
  }

  /** A new letter for an invitation, if there is an address to send it to. @throws ProblemError `not_found` */
  async draftAgain(tenantId: string, invitationId: string, nowMs: number): Promise<Letter & { expiresAt: string }> {
    const row = await findInvitation(this.#options.pool, tenantId, invitationId);
    const email = row && (await this.#emailOf(this.#options.pool, tenantId, row));
    if (!row || email === undefined || row.status !== 'pending') throw noInvitation();
    // As long again as it was given first, from now on.
    const lifetimeMs = Math.min(Math.max(row.expiresAt.getTime() - row.createdAt.getTime(), 3_600_000), maxLifetimeMs);
    const expiresAt = new Date(nowMs + lifetimeMs).toISOString();
    const { role, teamIds } = row;
    const letter = await this.#letter(tenantId, invitationId, { email, role, teamIds, expiresAt }, nowMs);
    return { ...letter, expiresAt };
  }

  async resend(
    change: Change,
    invitationId: string,
    again: Letter & { readonly expiresAt: string },
    commandId: string | undefined,
  ): Promise<void> {
    const { client, context } = change;
    await openOrganization(change);
    const { fingerprint, expiresAt, mail } = again;
    const events = resendInvitation(
      {
        ...{ invitationId, fingerprint, expiresAt, dailyLimit: this.#options.dailyLimit },
        callerRole: await roleOfActor(client, context.tenantId, context.actor),
        sentToday: await countSent(client, context.tenantId, context.now),
      },
      await findInvitation(client, context.tenantId, invitationId),
    );
    await appendTo(change, invitationStream(invitationId), events, commandId);
    await this.#options.mailbox.enqueue(client, mail);
  }

  /** @throws ProblemError `not_found` */
  async shown({ client, context }: Change, invitationId: string) {
    const row = await findInvitation(client, context.tenantId, invitationId);
    if (!row) throw noInvitation();
    return viewOfInvitation(row, await this.#emailOf(client, context.tenantId, row), context.now);
  }

  /** For lists, on connections of the system role. */
  async shownAll(tenantId: string, rows: readonly InvitationRow[], nowMs: number) {
    const shown = rows.map(async (row) =>
      viewOfInvitation(row, await this.#emailOf(this.#options.pool, tenantId, row), nowMs),
    );
    return Promise.all(shown);
  }

  async #emailOf(client: Parameters<SubjectKeys['open']>[0], tenantId: string, { email }: InvitationRow) {
    return email ? this.#options.subjectKeys.open(client, tenantId, 'email', email) : undefined;
  }

  async #letter(
    tenantId: string,
    invitationId: string,
    { email: to, role, expiresAt }: WantedInvitation,
    nowMs: number,
  ): Promise<Letter> {
    const { mailbox, memberships, pepper, publicUrl } = this.#options;
    const token = newInvitationToken();
    const tenantName = (await memberships.nameOf(tenantId)) ?? tenantId;
    const text = invitationLetter({ tenantName, role, publicUrl, token, expiresAt });
    const mail = await mailbox.seal({ tenantId, subject: invitationSubject(invitationId), to, ...text }, nowMs);
    return { fingerprint: fingerprintOf(pepper, token), mail };
  }
}

const maxLifetimeMs = 720 * 3_600_000;

const noInvitation = () => new ProblemError('not_found', 'There is no such invitation');

async function replace(change: Change, invitationId: string): Promise<void> {
  const data: InvitationRevoked = { invitationId, reason: 'replaced' };
  await appendTo(change, invitationStream(invitationId), [{ type: 'invitation.revoked', version: 1, data }]);
}
