import { type CommandContext, handle, type PostgresEventStore } from '@gatehouse/event-store';
import type { Sessions } from '../account/session/sessions.service.js';
import type { People, Person } from '../person/people.service.js';
import { disableUser, enableUser } from './switch-user/switch-user.js';
import { userDecider, userStream } from './user.js';

/** Shuts people out and lets them in again. */
export class UserSwitch {
  readonly #store: PostgresEventStore;
  readonly #people: People;
  readonly #sessions: Sessions;

  constructor(store: PostgresEventStore, people: People, sessions: Sessions) {
    this.#store = store;
    this.#people = people;
    this.#sessions = sessions;
  }

  /**
   * COMMIT POINT: the person disabled and every session ended, or neither. `context` says who and why; its tenant is
   * replaced by the person's home. Undefined for somebody who is not there.
   */
  async disable(userId: string, reason: string | undefined, context: CommandContext): Promise<Person | undefined> {
    const person = await this.#find(userId);
    if (!person) return undefined;
    await this.#store.together(person.homeTenantId, async (log, client) => {
      await handle(log, userDecider, {
        streamId: userStream(userId),
        context: { ...context, tenantId: person.homeTenantId },
        decide: (user) => disableUser({ reason }, user),
      });
      await this.#sessions.endAllIn(log, client, { person, reason: 'disabled', now: context.now });
    });
    return this.#people.byId(userId);
  }

  async enable(userId: string, context: CommandContext): Promise<Person | undefined> {
    const person = await this.#find(userId);
    if (!person) return undefined;
    await handle(this.#store, userDecider, {
      streamId: userStream(userId),
      context: { ...context, tenantId: person.homeTenantId },
      decide: enableUser,
    });
    return this.#people.byId(userId);
  }

  async #find(userId: string): Promise<Person | undefined> {
    const person = await this.#people.byId(userId);
    return person?.status === 'erased' ? undefined : person;
  }
}
