import type pg from 'pg';
import type { People, Person } from '../../person/people.service.js';
import type { Memberships } from '../../tenancy/memberships.service.js';
import { refuse } from '../account-refusal.js';
import type { Passwords } from '../password/passwords.service.js';
import { chooseTenant } from '../session/session-tenants.service.js';
import type { IssuedSession, Place, Sessions } from '../session/sessions.service.js';
import type { SignInFailures } from '../throttle/sign-in-failures.service.js';
import type { SignInGate } from '../throttle/sign-in-gate.service.js';
import { type Challenge, type Challenges, challengeSeconds } from './challenges.service.js';
import type { SecondFactor, SecondFactorRegistry } from './second-factors.js';

export interface SignInsOptions {
  readonly people: People;
  readonly passwords: Passwords;
  readonly sessions: Sessions;
  readonly memberships: Memberships;
  readonly challenges: Challenges;
  readonly secondFactors: SecondFactorRegistry;
  readonly gate: SignInGate;
  readonly failures: SignInFailures;
}

export interface SignIn extends Place {
  /** The tenant to act in; the person's home unless given. */
  readonly tenantId?: string | undefined;
  /** As in `StartSession`. A second factor of the person's own proves more, and lifts it. */
  readonly tenantFixed?: boolean;
  readonly clientId?: string;
  readonly now: number;
  readonly traceId?: string;
}

export type SignInResult =
  | { readonly status: 'signed_in'; readonly session: IssuedSession }
  | {
      readonly status: 'challenged';
      readonly challenge: string;
      readonly expiresIn: number;
      /** Empty where the tenant asks for a second factor and the person has none yet: one is enrolled first. */
      readonly factors: readonly SecondFactor[];
    };

/** How somebody gets from a first proof to a session, over a second one where that is asked for. */
export class SignIns {
  readonly #options: SignInsOptions;

  constructor(options: SignInsOptions) {
    this.#options = options;
  }

  /**
   * @throws Refusal `sign_in_refused`, after the same time whatever was wrong; `tenant_not_selectable`;
   *   ProblemError `sign_in_delayed` after too many wrong ones
   */
  async withPassword(email: string, password: string, signIn: SignIn): Promise<SignInResult> {
    const { people, passwords, gate, failures } = this.#options;
    const { ip, now } = signIn;
    await gate.enter(email, ip, now);
    const person = await people.byEmail(email);
    const checked = await passwords.check(person, password);
    if (person?.status !== 'active' || !checked) {
      const wrong = checked ? 'disabled' : 'password';
      await failures.count(person, person ? wrong : 'unknown', now);
      throw refuse('sign_in_refused');
    }
    const result = await this.begin(person, ['pwd'], signIn, checked.guard);
    // With a second factor still to come this try stays counted, or guesses of codes would be free of charge.
    if (result.status === 'signed_in') await gate.passed(person, email, ip, now);
    return result;
  }

  /**
   * A person proved something by `methods`: gives the session, or a challenge where a second factor is due. Methods
   * that are strong by themselves say so with `mfa`.
   *
   * @param guard runs in the transaction of what is given, and throws when the proof is no longer true
   */
  async begin(
    person: Person,
    methods: readonly string[],
    signIn: SignIn,
    guard?: (client: pg.PoolClient) => Promise<void>,
  ): Promise<SignInResult> {
    const { sessions, challenges, memberships } = this.#options;
    const { tenantId, ...rest } = signIn;
    const tenant = await chooseTenant(memberships, person, tenantId);
    if (!tenant) throw refuse('tenant_not_selectable');
    const factors = await this.#due(person, methods, tenant.tenantId);
    const chosen = tenantId !== undefined && { tenantId };
    if (factors === undefined)
      return {
        status: 'signed_in',
        session: await sessions.start({ ...rest, ...chosen, person, methods, ...(guard && { guard }) }),
      };
    const { userId, homeTenantId } = person;
    const client = signIn.clientId !== undefined && { clientId: signIn.clientId };
    const challenge = await challenges.make({ userId, homeTenantId, methods, ...chosen, ...client }, signIn.now, guard);
    return { status: 'challenged', challenge, expiresIn: challengeSeconds, factors };
  }

  /**
   * Takes one of the challenge's five attempts: call it before comparing anything.
   *
   * @throws Refusal `challenge_invalid`
   */
  async openChallenge(token: string, now = Date.now()): Promise<Challenge> {
    const challenge = await this.#options.challenges.attempt(token, now);
    if (!challenge) throw refuse('challenge_invalid');
    return challenge;
  }

  /** A wrong second factor, for the count that alerts hear of. */
  async factorFailed({ userId }: Challenge, now = Date.now()): Promise<void> {
    const { people, failures } = this.#options;
    await failures.count(await people.byId(userId), 'second_factor', now);
  }

  /**
   * The second factor was right: uses the challenge up and gives the session. Call it once per proof, after
   * {@link openChallenge}.
   *
   * @param method RFC 8176 word of the proof: `otp`, `hwk`, `rec`
   * @param guard more that must hold in the transaction of the session, such as a code not used before
   * @throws Refusal `challenge_invalid` when it is over or was used meanwhile
   */
  async completeChallenge(
    token: string,
    method: string,
    place: Place & { readonly now?: number; readonly traceId?: string },
    guard?: (client: pg.PoolClient) => Promise<void>,
  ): Promise<IssuedSession> {
    const { challenges, people, sessions, gate } = this.#options;
    const now = place.now ?? Date.now();
    const challenge = await challenges.find(token, now);
    const person = challenge && (await people.byId(challenge.userId));
    if (!challenge || !person) throw refuse('challenge_invalid');
    const { methods, tenantId, clientId } = challenge;
    const session = await sessions.start({
      ...place,
      now,
      person,
      methods: [...new Set([...methods, method, 'mfa'])],
      ...(tenantId !== undefined && { tenantId }),
      ...(clientId !== undefined && { clientId }),
      guard: async (client) => {
        if (!(await challenges.use(client, token, now))) throw refuse('challenge_invalid');
        await guard?.(client);
      },
    });
    const { email } = await people.profileOf(person);
    if (email !== undefined) await gate.passed(person, email, place.ip, now);
    return session;
  }

  /** The factors to ask for; undefined when none is due. */
  async #due({ userId }: Person, methods: readonly string[], tenantId: string) {
    if (methods.includes('mfa')) return undefined;
    const { secondFactors, memberships } = this.#options;
    const factors = await secondFactors.enrolled(userId);
    return factors.length > 0 || (await memberships.requiresSecondFactor(tenantId)) ? factors : undefined;
  }
}
