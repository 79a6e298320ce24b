import type { UserPasswordChanged } from '@gatehouse/contracts';
import {
  asTenant,
  type CommandContext,
  type EventStore,
  handle,
  type PostgresEventStore,
} from '@gatehouse/event-store';
import { newTraceContext } from '@gatehouse/telemetry';
import type pg from 'pg';
import type { Mailbox, SealedMail } from '../../mail/mailbox.service.js';
import type { People, Person } from '../../person/people.service.js';
import { userDecider, userStream } from '../../user/user.js';
import { refuse } from '../account-refusal.js';
import { letters } from '../letter/letters.js';
import { type Links, newLinkToken } from '../link/links.service.js';
import type { Sessions } from '../session/sessions.service.js';
import type { SignInGate } from '../throttle/sign-in-gate.service.js';
import type { Throttle } from '../throttle/throttle.service.js';
import type { Passwords } from './passwords.service.js';

export interface ChangePasswordsOptions {
  readonly request: pg.Pool;
  readonly store: PostgresEventStore;
  readonly people: People;
  readonly mailbox: Mailbox;
  readonly passwords: Passwords;
  readonly sessions: Sessions;
  readonly links: Links;
  readonly throttle: Throttle;
  readonly gate: SignInGate;
  readonly origin: string;
}

/** New passwords: by a mailed link, or by the one before. Both end every other session. */
export class ChangePasswords {
  readonly #options: ChangePasswordsOptions;

  constructor(options: ChangePasswordsOptions) {
    this.#options = options;
  }

  /** Sends a link to whoever verified the address; for any other it does nothing, and nobody is told. */
  async sendLink(email: string, now: number): Promise<void> {
    const { people, throttle, mailbox, links, request, origin } = this.#options;
    const mayWrite = (await throttle.tryTake([throttle.counted('letters', email.trim())], now)) === 0;
    const person = await people.byEmail(email);
    if (person?.status !== 'active' || !mayWrite) return;
    // To the address as it was verified: what was typed may only look the same.
    const { email: to } = await people.profileOf(person);
    if (to === undefined) return;
    const token = newLinkToken();
    const { homeTenantId: tenantId, userId: subject } = person;
    const mail = await mailbox.seal({ tenantId, subject, to, ...letters.reset(origin, token) }, now);
    // COMMIT POINT: the link and its letter, or neither.
    await asTenant(request, tenantId, async (client) => {
      await links.insert(client, person, token, now);
      await mailbox.enqueue(client, mail);
    });
  }

  /**
   * Sets a password by a mailed link. Second factors stay: whoever reads the mailbox alone still does not get in.
   *
   * @throws Refusal `link_invalid`; ProblemError `validation_failed` for the password, which leaves the link usable
   */
  async reset(token: string, password: string, place: { readonly ip: string; readonly now: number }): Promise<void> {
    const { links, people, gate } = this.#options;
    const { now } = place;
    const link = await links.find(token, now);
    const person = link && (await people.byId(link.userId));
    if (!link || person?.status !== 'active') throw refuse('link_invalid');
    const { email } = await this.#change(person, password, {
      how: 'reset',
      now,
      path: 'body.password',
      guard: async (client) => {
        if (!(await links.use(client, link, token))) throw refuse('link_invalid');
      },
    });
    if (email !== undefined) await gate.forget(email, place.ip);
  }

  /** @throws Refusal `password_wrong`; ProblemError `validation_failed`, `sign_in_delayed` after too many wrong ones */
  async change(userId: string, change: ChangeByPassword): Promise<void> {
    const { people, passwords, throttle } = this.#options;
    const { current, next, sessionId, now } = change;
    const counted = throttle.counted('account', 'change', userId);
    await throttle.take([counted], now);
    const person = await people.byId(userId);
    const checked = await passwords.check(person, current);
    if (!person || !checked) throw refuse('password_wrong');
    await this.#change(person, next, {
      how: 'change',
      now,
      path: 'body.next',
      exceptSessionId: sessionId,
      guard: checked.guard,
    });
    await throttle.forget([counted]);
  }

  async #change(person: Person, password: string, { path, ...how }: How & { readonly path: string }) {
    const { people, passwords, store, mailbox, origin } = this.#options;
    const profile = await people.profileOf(person);
    const hash = await passwords.hashNew(password, profile, path);
    const { homeTenantId: tenantId, userId: subject } = person;
    const { email: to } = profile;
    const told = to !== undefined ? { tenantId, subject, to, ...letters.passwordChanged(origin) } : undefined;
    const mail = told && (await mailbox.seal(told, how.now));
    // COMMIT POINT: the new password, the end of all other sessions and the letter about it, or nothing.
    await store.together(tenantId, (log, client) => this.#store(log, client, { person, hash, mail, ...how }));
    return profile;
  }

  async #store(log: EventStore, client: pg.PoolClient, change: StoredChange): Promise<void> {
    const { person, hash, mail, how, now, guard, exceptSessionId } = change;
    const { passwords, sessions, mailbox } = this.#options;
    await guard(client);
    await passwords.store(client, person, hash, now);
    await handle(log, userDecider, {
      streamId: userStream(person.userId),
      context: contextOf(person, now),
      decide: ({ status }) => {
        if (status !== 'registered') throw refuse('link_invalid');
        const data: UserPasswordChanged = { userId: person.userId, how };
        return [{ type: 'user.password_changed', version: 1, data }];
      },
    });
    const except = exceptSessionId !== undefined && { exceptSessionId };
    await sessions.endAllIn(log, client, { person, reason: 'password_changed', now, ...except });
    if (mail) await mailbox.enqueue(client, mail);
  }
}

export interface ChangeByPassword {
  readonly current: string;
  readonly next: string;
  /** Stays. */
  readonly sessionId: string;
  readonly now: number;
}

interface How {
  readonly how: UserPasswordChanged['how'];
  readonly now: number;
  readonly exceptSessionId?: string;
  /** What the change rests on, checked in its transaction. */
  readonly guard: (client: pg.PoolClient) => Promise<void>;
}

interface StoredChange extends How {
  readonly person: Person;
  readonly hash: string;
  readonly mail: SealedMail | undefined;
}

const contextOf = ({ homeTenantId, userId }: Person, now: number): CommandContext => ({
  tenantId: homeTenantId,
  actor: { type: 'user', id: userId },
  now,
  correlationId: newTraceContext().traceId,
});
