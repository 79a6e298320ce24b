import type { UserRegistered } from '@gatehouse/contracts';
import { uuidv7 } from '@gatehouse/crypto';
import { asTenant, type CommandContext, handle, type NewEvent, type PostgresEventStore } from '@gatehouse/event-store';
import { ProblemError } from '@gatehouse/http';
import { newTraceContext } from '@gatehouse/telemetry';
import type pg from 'pg';
import type { Mailbox } from '../../mail/mailbox.service.js';
import { isEmailTaken } from '../../person/people.projection.js';
import { type People, personalTenantId } from '../../person/people.service.js';
import { Refusal } from '../../refusal.js';
import { createOrganization, createPersonalWorkspace } from '../../tenancy/organization/new-tenant.service.js';
import { isOrganizationId } from '../../tenancy/organization/organization-id.js';
import { tenantStream } from '../../tenancy/organization/tenant.js';
import { registerUser } from '../../user/register-user/register-user.js';
import type { SubjectKeys } from '../../user/subject-keys.service.js';
import { userDecider, userStream } from '../../user/user.js';
import { refuse } from '../account-refusal.js';
import { letters } from '../letter/letters.js';
import { isLinkToken, type Links, newLinkToken } from '../link/links.service.js';
import type { Passwords } from '../password/passwords.service.js';
import type { Throttle } from '../throttle/throttle.service.js';
import { slugOf } from './organization-slug.js';
import type { Registration, RegistrationDetails, Registrations } from './registrations.service.js';

export interface RegisterPeopleOptions {
  readonly request: pg.Pool;
  readonly store: PostgresEventStore;
  readonly people: People;
  readonly subjectKeys: SubjectKeys;
  readonly mailbox: Mailbox;
  readonly passwords: Passwords;
  readonly registrations: Registrations;
  readonly links: Links;
  readonly throttle: Throttle;
  /** Public address of the installation, for links. */
  readonly origin: string;
}

export interface Register extends RegistrationDetails {
  readonly password: string;
  readonly now: number;
}

/** A person that just came to be. */
export interface RegisteredPerson {
  readonly userId: string;
  readonly email: string;
  /** Absent where none was asked for, and where somebody else took the name meanwhile. */
  readonly organizationId?: string;
}

/**
 * From "somebody says to be ann@example.org" to a person. Until the address is verified there is a row that expires and
 * nothing else: no event tells for ever of an address whose owner never asked, and nobody fills the ledger by asking.
 * Verifying takes the link, which proves the mailbox, and the password, which proves that it is the mailbox's owner who
 * registered: an account prepared by somebody else is opened by neither of the two alone.
 */
export class RegisterPeople {
  readonly #options: RegisterPeopleOptions;

  constructor(options: RegisterPeopleOptions) {
    this.#options = options;
  }

  /**
   * Answers the same, after the same work, whether the address has an account or not; its owner is told by letter.
   *
   * @throws Refusal `tenant_name_taken`; ProblemError `validation_failed` for a password
   */
  async register({ password, now, ...details }: Register): Promise<{ readonly userId: string }> {
    const { people, passwords, subjectKeys, registrations, mailbox, request, links, origin } = this.#options;
    await this.#refuseTakenName(details.tenantName);
    const passwordHash = await passwords.hashNew(password, details);
    const isTaken = (await people.byEmail(details.email)) !== undefined;
    const userId = uuidv7(now);
    const homeTenantId = personalTenantId(userId);
    const token = newLinkToken();
    const letter = isTaken ? letters.alreadyRegistered(origin) : letters.verify(origin, token);
    const seal = await subjectKeys.sealerFor(homeTenantId, userId);
    const mail = await mailbox.seal({ tenantId: homeTenantId, subject: userId, to: details.email, ...letter }, now);
    const sealed = seal('registration', JSON.stringify(details));
    const registration = { userId, homeTenantId, details: sealed, passwordHash, createdAt: new Date(now) };
    const mayWrite = await this.#mayWrite(details.email, now);
    // COMMIT POINT: the registration and its letter, or neither.
    await asTenant(request, homeTenantId, async (client) => {
      await registrations.insert(client, registration, people.indexOf(details.email), links.hash(token));
      if (mayWrite) await mailbox.enqueue(client, mail);
    });
    return { userId };
  }

  /** Another letter for each pending registration of an address. Whoever asks learns nothing. */
  async resend(email: string, now: number): Promise<void> {
    const { people, registrations, links, mailbox, request, origin } = this.#options;
    for (const registration of await registrations.ofEmail(people.indexOf(email), now)) {
      const { homeTenantId: tenantId, userId: subject } = registration;
      // The address has an account: its registrations are decoys.
      if ((await people.byEmail(email)) || !(await this.#mayWrite(email, now))) return;
      const token = newLinkToken();
      const mail = await mailbox.seal({ tenantId, subject, to: email.trim(), ...letters.verify(origin, token) }, now);
      await asTenant(request, tenantId, async (client) => {
        await registrations.replaceToken(client, registration, links.hash(token));
        await mailbox.enqueue(client, mail);
      });
    }
  }

  /**
   * The link and the password: makes the person, and then the organization. A crash between the two is mended by the
   * same link, which works until both are there.
   *
   * @throws Refusal `link_invalid`, whatever was wrong
   */
  async verify(token: string, password: string, now: number): Promise<RegisteredPerson> {
    const { registrations, passwords, links, people } = this.#options;
    const registration = isLinkToken(token) ? await registrations.byToken(links.hash(token), now) : undefined;
    const matches = await passwords.matches(registration?.passwordHash, password);
    const details = registration && matches ? await registrations.detailsOf(registration) : undefined;
    if (!registration || !details) throw refuse('link_invalid');
    await this.#makePerson(registration, details, 'registration', now);
    const organizationId = await this.#makeOrganization(registration, details, now);
    await registrations.forgetEmail(people.indexOf(details.email));
    return { userId: registration.userId, email: details.email, ...(organizationId && { organizationId }) };
  }

  /** With an invitation mailed to this very address. Undefined when the address has an account already. */
  async registerInvited({ password, now, ...details }: Register): Promise<RegisteredPerson | undefined> {
    const { passwords, people } = this.#options;
    await this.#refuseTakenName(details.tenantName);
    const passwordHash = await passwords.hashNew(password, details);
    if (await people.byEmail(details.email)) return undefined;
    const userId = uuidv7(now);
    const registration = { userId, homeTenantId: personalTenantId(userId), passwordHash };
    await this.#makePerson(registration, details, 'invitation', now);
    const organizationId = await this.#makeOrganization(registration, details, now);
    return { userId, email: details.email, ...(organizationId && { organizationId }) };
  }

  /** COMMIT POINT: person, workspace and password, or none of them. */
  async #makePerson(
    registration: Pick<Registration, 'userId' | 'homeTenantId' | 'passwordHash'>,
    { email, name }: RegistrationDetails,
    via: UserRegistered['via'],
    now: number,
  ): Promise<void> {
    const { store, subjectKeys, passwords } = this.#options;
    const { userId, homeTenantId, passwordHash } = registration;
    const seal = await subjectKeys.sealerFor(homeTenantId, userId);
    const sealed = { email: seal('email', email), ...(name !== undefined && { name: seal('name', name) }) };
    const context = contextOf(homeTenantId, userId, now);
    await store
      .together(homeTenantId, async (log, client) => {
        const { events } = await handle(log, userDecider, {
          streamId: userStream(userId),
          context,
          decide: (user) => {
            const registered = registerUser({ userId, ...sealed, verified: false, via }, user);
            return registered.length === 0 ? [] : [...registered, ...verified(userId)];
          },
        });
        // Made by an earlier try that was not answered.
        if (events.length === 0) return;
        await createPersonalWorkspace(log, context, { userId });
        await passwords.store(client, registration, passwordHash, now);
      })
      .catch((error: unknown) => {
        // Another registration of the same address was verified meanwhile.
        throw isEmailTaken(error) ? refuse('link_invalid') : error;
      });
  }

  /**
   * Only now, for somebody with a mailbox: whoever could reserve names with invented addresses would take all of them.
   * COMMIT POINT: the tenant's first event. A name that went to somebody else meanwhile is not there any more.
   */
  async #makeOrganization({ userId }: Pick<Registration, 'userId'>, { tenantName }: RegistrationDetails, now: number) {
    if (tenantName === undefined) return undefined;
    const tenantId = slugOf(tenantName);
    try {
      const owner = { name: tenantName, ownerId: userId };
      await this.#options.store.together(tenantId, (log) =>
        createOrganization(log, contextOf(tenantId, userId, now), owner, `registration:${userId}`),
      );
      return tenantId;
    } catch (error) {
      if (error instanceof Refusal) return undefined;
      throw error;
    }
  }

  async #refuseTakenName(tenantName: string | undefined): Promise<void> {
    if (tenantName === undefined) return;
    const tenantId = slugOf(tenantName);
    if (tenantId === '') {
      const message = 'holds no Latin letter or digit that the id of the organization could be made of';
      throw new ProblemError('validation_failed', undefined, { errors: [{ path: 'body.tenant_name', message }] });
    }
    const { revision } = await this.#options.store.read(tenantId, tenantStream(tenantId));
    if (revision > 0 || !isOrganizationId(tenantId)) throw refuse('tenant_name_taken');
  }

  /** Nobody fills somebody's mailbox through us. */
  async #mayWrite(email: string, now: number): Promise<boolean> {
    const { throttle } = this.#options;
    return (await throttle.tryTake([throttle.counted('letters', email.trim())], now)) === 0;
  }
}

const verified = (userId: string): readonly NewEvent[] => [
  { type: 'user.email_verified', version: 1, data: { userId } },
  { type: 'user.password_changed', version: 1, data: { userId, how: 'registration' } },
];

const contextOf = (tenantId: string, userId: string, now: number): CommandContext => ({
  tenantId,
  actor: { type: 'user', id: userId },
  now,
  correlationId: newTraceContext().traceId,
});
