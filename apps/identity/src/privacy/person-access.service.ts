import type { SessionStarted } from '@gatehouse/contracts';
import type { EventStore } from '@gatehouse/event-store';
import { type Authorize, type HttpRequest, ProblemError } from '@gatehouse/http';
import type { People, Person } from '../person/people.service.js';

/** What the caller's credential says, as far as it matters here. */
export interface PersonCaller {
  readonly type: string;
  readonly id: string;
  readonly tenantId: string;
  readonly scopes?: readonly string[];
  readonly sessionId?: string;
}

export interface PersonAccessOptions {
  readonly store: EventStore;
  readonly people: People;
  readonly operatorTenant: string;
}

export interface Permission {
  readonly person: Person;
  /** The person herself, or an administrator of the installation. */
  readonly as: 'self' | 'operator';
  readonly decisionId?: string | undefined;
}

/** Who asks, and how policy is asked about it. */
export interface Call {
  readonly caller: PersonCaller;
  readonly request: HttpRequest;
  readonly authorize: Authorize;
}

/** How long ago a sign-in may be for what cannot be taken back. */
export const recentMs = 15 * 60_000;

/**
 * Who may do something with all that is held on a person: the person, who signed in a moment ago, and whoever may
 * `action` on `user/<id>` in the operator's tenant. Neither a key nor the token of a client makes somebody that person.
 */
export class PersonAccess {
  readonly #options: PersonAccessOptions;

  constructor(options: PersonAccessOptions) {
    this.#options = options;
  }

  /** @throws ProblemError `recent_sign_in_required`, `forbidden`; `not_found` for an operator alone */
  async check(userId: string, action: string, { caller, request, authorize }: Call): Promise<Permission> {
    const person = await this.#options.people.byId(userId);
    const isSelf = caller.type === 'user' && caller.id === userId;
    if (isSelf && person && (await this.#signedInRecently(person, caller))) return { person, as: 'self' };
    if (caller.tenantId !== this.#options.operatorTenant)
      throw new ProblemError(isSelf ? 'recent_sign_in_required' : 'forbidden');
    const answer = await authorize(caller, action, `user/${userId}`, request);
    if (answer.allowed !== true) throw new ProblemError(isSelf ? 'recent_sign_in_required' : 'forbidden');
    if (!person) throw new ProblemError('not_found', 'There is no such person');
    return { person, as: 'operator', decisionId: answer.decisionId };
  }

  /** The sign-in's own events say when it was: a token that was refreshed since is younger than the proof behind it. */
  async #signedInRecently({ userId, homeTenantId }: Person, { sessionId, scopes }: PersonCaller): Promise<boolean> {
    if (sessionId === undefined || scopes !== undefined || !uuid.test(sessionId)) return false;
    const { events } = await this.#options.store.read(homeTenantId, `session:${sessionId}`);
    const [started, ...later] = events;
    if (started?.type !== 'session.started' || later.some(({ type }) => type === 'session.ended')) return false;
    const isOwn = (started.data as unknown as SessionStarted).userId === userId;
    return isOwn && Date.now() - Date.parse(started.occurredAt) < recentMs;
  }
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
