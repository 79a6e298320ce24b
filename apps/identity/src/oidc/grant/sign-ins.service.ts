import type { SessionStarted } from '@gatehouse/contracts';
import type { EventStore } from '@gatehouse/event-store';
import type { People, Person } from '../../person/people.service.js';

/** A sign-in that was not ended. */
export interface SignIn {
  readonly person: Person;
  readonly sessionId: string;
  readonly methods: readonly string[];
  /** Unix time in seconds: when the person proved who it is. */
  readonly authTime: number;
}

const factorMethods: ReadonlySet<string> = new Set(['otp', 'hwk', 'mfa', 'rec']);

/** Whether a way of signing in (RFC 8176 words) counts where a tenant demands a second factor. */
export const hasSecondFactor = (methods: readonly string[]): boolean =>
  methods.some((method) => factorMethods.has(method));

/** Sign-ins as the log tells them: asked where something lasting is handed out, so that an ended one counts at once. */
export class SignIns {
  constructor(
    private readonly store: EventStore,
    private readonly people: People,
  ) {}

  /** The sign-in of an active person; undefined when it ended, or is not that person's. */
  async find(userId: string, sessionId: string): Promise<SignIn | undefined> {
    const person = await this.activePerson(userId);
    if (!person) return undefined;
    const { events } = await this.store.read(person.homeTenantId, `session:${sessionId}`);
    const [started] = events;
    if (started?.type !== 'session.started' || events.some(({ type }) => type === 'session.ended')) return undefined;
    const { userId: owner, methods } = started.data as unknown as SessionStarted;
    if (owner !== userId) return undefined;
    return { person, sessionId, methods, authTime: Math.floor(Date.parse(started.occurredAt) / 1_000) };
  }

  async activePerson(userId: string): Promise<Person | undefined> {
    const person = await this.people.byId(userId);
    return person?.status === 'active' ? person : undefined;
  }
}
