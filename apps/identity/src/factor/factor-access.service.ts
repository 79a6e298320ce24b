import type { Principal as AuthenticatedPrincipal } from '@gatehouse/authn';
import type { CommandContext } from '@gatehouse/event-store';
import { type HttpRequest, type Principal, ProblemError } from '@gatehouse/http';
import type { SecondFactor, SecondFactors } from '../account/sign-in/second-factors.js';
import type { AreaContext } from '../area.js';
import type { Person } from '../person/people.service.js';
import { Refusal } from '../refusal.js';
import type { FactorAttempts } from './attempts.service.js';
import type { FactorRefusal } from './factor-refusal.js';
import type { Holder } from './factor-rows.service.js';
import type { FreshProofs } from './fresh-proofs.service.js';

/** As they are offered: the quickest first. */
const order: readonly SecondFactor[] = ['passkey', 'totp', 'recovery'];

/** A person in the middle of a session of his own. */
export interface SignedIn {
  readonly person: Person;
  readonly sessionId: string;
}

/** Who may look at second factors, and who may change them: the person, in a session, having proved it lately. */
export class FactorAccess implements SecondFactors {
  readonly #area: AreaContext;
  readonly #proofs: FreshProofs;
  readonly #attempts: FactorAttempts;

  constructor(area: AreaContext, proofs: FreshProofs, attempts: FactorAttempts) {
    this.#area = area;
    this.#proofs = proofs;
    this.#attempts = attempts;
  }

  /** @throws ProblemError `forbidden` for services, API keys, and tokens that a client was given for less than everything */
  async signedIn(caller: Principal): Promise<SignedIn> {
    const { type, id, sessionId, scopes } = caller as AuthenticatedPrincipal;
    const person = type === 'user' && sessionId && !scopes ? await this.#area.people.byId(id) : undefined;
    if (person?.status !== 'active' || !sessionId)
      throw new ProblemError('forbidden', 'Second factors belong to a person who has signed in');
    return { person, sessionId };
  }

  /** @throws Refusal `fresh_proof_required` ten minutes after the sign-in or the last proof */
  async mayChange(caller: Principal, nowMs: number): Promise<SignedIn> {
    const signedIn = await this.signedIn(caller);
    if (!(await this.isFresh(signedIn, nowMs))) throw new Refusal<FactorRefusal>('fresh_proof_required');
    return signedIn;
  }

  isFresh({ person, sessionId }: SignedIn, nowMs: number): Promise<boolean> {
    return this.#proofs.isFresh(person, sessionId, nowMs);
  }

  /** Whether some tenant of the person is closed to whoever has no second factor. */
  async isDemanded({ userId }: Holder): Promise<boolean> {
    const memberships = await this.#area.memberships.tenantsOf(userId);
    return memberships.some(({ requireSecondFactor }) => requireSecondFactor);
  }

  /** What somebody can prove a sign-in with, in whatever tenant he is at home. */
  async enrolled(userId: string): Promise<readonly SecondFactor[]> {
    const { rows } = await this.#area.platform.database.system.query<{ kind: SecondFactor }>(
      `select distinct kind from factors where user_id = $1
       union all select 'recovery' where exists (select from recovery_codes where user_id = $1)`,
      [userId],
    );
    return rows.map(({ kind }) => kind).sort((one, other) => order.indexOf(one) - order.indexOf(other));
  }

  /** @throws Refusal `already_enrolled` */
  async refuseEnrolled({ userId }: Holder): Promise<void> {
    if ((await this.enrolled(userId)).length > 0) throw new Refusal<FactorRefusal>('already_enrolled');
  }

  /** Runs a check of a code that can be guessed, as one of the few a person has. @throws ProblemError `rate_limited` */
  async asAttempt<T>(holder: Holder, nowMs: number, check: () => Promise<T>): Promise<T> {
    const waitMs = await this.#attempts.take(holder, nowMs);
    if (waitMs > 0) throw new ProblemError('rate_limited', undefined, { retryAfterSeconds: waitMs / 1_000 });
    const result = await check();
    await this.#attempts.succeed(holder);
    return result;
  }
}

/** A person changes what is his own, in his home tenant, whatever tenant the call acts in. */
export const ownContext = (request: HttpRequest, { userId, homeTenantId }: Holder, now: number): CommandContext => ({
  tenantId: homeTenantId,
  actor: { type: 'user', id: userId },
  now,
  correlationId: request.trace?.traceId ?? '',
});
