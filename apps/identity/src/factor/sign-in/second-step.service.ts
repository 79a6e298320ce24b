import type { CommandContext } from '@gatehouse/event-store';
import type { HttpRequest } from '@gatehouse/http';
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server';
import { refuse } from '../../account/account-refusal.js';
import type { IssuedSession } from '../../account/session/sessions.service.js';
import type { Challenge } from '../../account/sign-in/challenges.service.js';
import type { SignIn, SignInResult } from '../../account/sign-in/sign-ins.service.js';
import type { AreaContext } from '../../area.js';
import type { Person } from '../../person/people.service.js';
import { Refusal } from '../../refusal.js';
import { type FactorAccess, ownContext } from '../factor-access.service.js';
import type { Enrolled, Holder } from '../factor-rows.service.js';
import type { Binding } from '../passkey/passkey-challenge.js';
import type { Passkeys } from '../passkey/passkeys.service.js';
import type { RecoveryCodes } from '../recovery-code/recovery-codes.service.js';
import type { TotpFactors } from '../totp/totp-factors.service.js';

export interface SecondStepOptions {
  readonly area: AreaContext;
  readonly access: FactorAccess;
  readonly totp: TotpFactors;
  readonly passkeys: Passkeys;
  readonly codes: RecoveryCodes;
}

/** A request in the middle of a sign-in. */
export interface Step {
  readonly request: HttpRequest;
  readonly signIn: SignIn;
}

const alone: Binding = { purpose: 'alone', to: '' };

/**
 * From a challenge to a session. Each proof takes one of the challenge's attempts, and a code that can be guessed one of
 * the person's, before it is looked at. The factor is used up first and the session comes after it: killed in between,
 * the person proves it again with the next code.
 */
export class SecondStep {
  readonly #options: SecondStepOptions;

  constructor(options: SecondStepOptions) {
    this.#options = options;
  }

  /** @throws Refusal `challenge_invalid`, `second_factor_failed`; ProblemError `rate_limited` */
  async withTotp(token: string, code: string, step: Step): Promise<IssuedSession> {
    const { access, totp } = this.#options;
    const { now } = step.signIn;
    const person = await this.#open(token, now);
    await this.#counting(person, now, () => access.asAttempt(person, now, () => totp.prove(person, code, now)));
    return this.#complete(token, 'otp', step);
  }

  async withRecoveryCode(token: string, code: string, step: Step): Promise<IssuedSession> {
    const { access, codes } = this.#options;
    const { now } = step.signIn;
    const person = await this.#open(token, now);
    const use = () => codes.use(person, code, contextOf(step)(person));
    await this.#counting(person, now, () => access.asAttempt(person, now, use));
    return this.#complete(token, 'rec', step);
  }

  /** What a browser needs to sign: for a challenge with the passkeys of its person, without one with any. */
  async passkeyOptions(token: string | undefined, now: number) {
    if (token === undefined) return this.#options.passkeys.requestOptions(alone, undefined, now);
    return this.#options.passkeys.requestOptions(bindingOf(token), await this.#find(token, now), now);
  }

  async withPasskey(token: string, response: AuthenticationResponseJSON, step: Step): Promise<IssuedSession> {
    const expected = await this.#open(token, step.signIn.now);
    const how = { binding: bindingOf(token), expected };
    const { now } = step.signIn;
    await this.#counting(expected, now, () => this.#options.passkeys.check(response, how, contextOf(step), now));
    return this.#complete(token, 'hwk', step);
  }

  /** The authenticator is one factor, and what it asked of the person is the other. */
  async withPasskeyAlone(response: AuthenticationResponseJSON, step: Step): Promise<SignInResult> {
    const { area, passkeys } = this.#options;
    const { userId } = await passkeys.check(response, { binding: alone }, contextOf(step), step.signIn.now);
    const person = await area.people.byId(userId);
    if (!person) throw refuse('sign_in_refused');
    return area.account.signIns.begin(person, ['hwk', 'mfa'], step.signIn);
  }

  async beginTotp(token: string, now: number) {
    return this.#options.totp.begin(await this.#toEnrol(token, now), boundTo(token), now);
  }

  /** The first factor of a person whose tenant lets nobody in without one: adding it completes the sign-in. */
  async confirmTotp(token: string, code: string, step: Step): Promise<EnrolledSession> {
    const person = await this.#open(token, step.signIn.now);
    const given = { boundTo: boundTo(token), code, onlyAsFirst: true };
    const enrolled = await this.#options.totp.confirm(person, given, contextOf(step)(person));
    return { enrolled, session: await this.#complete(token, 'otp', step) };
  }

  async newPasskeyOptions(token: string, now: number) {
    return this.#options.passkeys.creationOptions(await this.#toEnrol(token, now), boundTo(token), now);
  }

  async addPasskey(
    token: string,
    { response, name }: { readonly response: RegistrationResponseJSON; readonly name: string },
    step: Step,
  ): Promise<EnrolledSession> {
    const person = await this.#open(token, step.signIn.now);
    const given = { response, name, to: boundTo(token), onlyAsFirst: true };
    const enrolled = await this.#options.passkeys.add(person, given, contextOf(step)(person));
    return { enrolled, session: await this.#complete(token, 'hwk', step) };
  }

  async #open(token: string, now: number): Promise<Person> {
    return this.#personOf(await this.#options.area.account.signIns.openChallenge(token, now));
  }

  async #find(token: string, now: number): Promise<Person> {
    const challenge = await this.#options.area.account.challenges.find(token, now);
    if (!challenge) throw refuse('challenge_invalid');
    return this.#personOf(challenge);
  }

  /** A challenge is worth a password and no more: it begins an enrolment only where there is no factor to get around. */
  async #toEnrol(token: string, now: number): Promise<Person> {
    const person = await this.#find(token, now);
    await this.#options.access.refuseEnrolled(person);
    return person;
  }

  async #personOf({ userId }: Challenge): Promise<Person> {
    const person = await this.#options.area.people.byId(userId);
    if (person?.status !== 'active') throw refuse('challenge_invalid');
    return person;
  }

  /** A wrong second factor behind a right password is what the person should hear of soonest. */
  async #counting<T>(person: Person, now: number, prove: () => Promise<T>): Promise<T> {
    try {
      return await prove();
    } catch (error) {
      if (error instanceof Refusal && error.code === 'second_factor_failed')
        await this.#options.area.account.failures.count(person, 'second_factor', now);
      throw error;
    }
  }

  #complete(token: string, method: string, { signIn }: Step): Promise<IssuedSession> {
    return this.#options.area.account.signIns.completeChallenge(token, method, signIn);
  }
}

export interface EnrolledSession {
  readonly enrolled: Enrolled;
  readonly session: IssuedSession;
}

/** The challenge's own token is in no row and no event: what is bound to it holds its HMAC, made where it is used. */
const boundTo = (token: string): string => `sign-in:${token}`;
const bindingOf = (token: string): Binding => ({ purpose: 'second', to: boundTo(token) });

const contextOf =
  ({ request, signIn }: Step) =>
  (holder: Holder): CommandContext =>
    ownContext(request, holder, signIn.now);
