import { keyFingerprint } from '@gatehouse/crypto';
import type { AreaContext } from '../area.js';
import { UserSwitch } from '../user/user-switch.service.js';
import { Links } from './link/links.service.js';
import { ChangePasswords } from './password/change-passwords.service.js';
import { PasswordHasher } from './password/password-hasher.service.js';
import { Passwords } from './password/passwords.service.js';
import { RegisterPeople } from './registration/register-people.service.js';
import { Registrations } from './registration/registrations.service.js';
import { AccessTokens } from './session/access-tokens.service.js';
import { SessionRows } from './session/session-rows.service.js';
import { Sessions } from './session/sessions.service.js';
import { Challenges } from './sign-in/challenges.service.js';
import { SecondFactorRegistry } from './sign-in/second-factors.js';
import { SignIns } from './sign-in/sign-ins.service.js';
import { SignInFailures } from './throttle/sign-in-failures.service.js';
import { SignInGate } from './throttle/sign-in-gate.service.js';
import { Throttle } from './throttle/throttle.service.js';

/** Injection token of the {@link Account}. */
export const ACCOUNT = Symbol('gatehouse.account');

/** What other areas use of accounts. */
export interface Account {
  readonly sessions: Sessions;
  readonly signIns: SignIns;
  readonly passwords: Passwords;
  readonly secondFactors: SecondFactorRegistry;
  readonly throttle: Throttle;
  readonly registerPeople: RegisterPeople;
  readonly changePasswords: ChangePasswords;
  readonly userSwitch: UserSwitch;
  readonly registrations: Registrations;
  readonly links: Links;
  readonly failures: SignInFailures;
  readonly challenges: Challenges;
  readonly hasher: PasswordHasher;
  /** Who may register. */
  readonly registration: 'open' | 'invited' | 'closed';
}

export function createAccount(context: Omit<AreaContext, 'account'>): Account {
  const { platform, settings, pepper, people, store, subjectKeys, signingKeys, memberships, mailbox, observations } =
    context;
  const { request, system } = platform.database;
  const hasher = new PasswordHasher({
    memoryKib: settings.PASSWORD_MEMORY_KIB,
    passes: settings.PASSWORD_PASSES,
    atOnce: settings.PASSWORD_HASHES_AT_ONCE,
    waiting: settings.PASSWORD_HASHES_WAITING,
    secret: keyFingerprint(pepper, 'gatehouse.password-secret.v1'),
  });
  const passwords = new Passwords({ request, hasher, minLength: settings.PASSWORD_MIN_LENGTH });
  const sessions = new Sessions({
    store,
    rows: new SessionRows(system, subjectKeys, pepper),
    people,
    subjectKeys,
    tokens: new AccessTokens({ people, signingKeys, issuer: settings.PUBLIC_URL }),
    memberships,
    pepper,
    lifetimeDays: settings.SESSION_DAYS,
    idleDays: settings.SESSION_IDLE_DAYS,
  });
  const secondFactors = new SecondFactorRegistry();
  const challenges = new Challenges({ request, system }, pepper);
  const throttle = new Throttle(system, pepper);
  const gate = new SignInGate({ system, request, pepper, people, throttle });
  const failures = new SignInFailures(system, store, settings.OPERATOR_TENANT, observations);
  const signIns = new SignIns({
    ...{ people, passwords, sessions, memberships, challenges, secondFactors },
    ...{ gate, failures },
  });
  const links = new Links(system, pepper);
  const registrations = new Registrations(system, subjectKeys);
  const origin = settings.PUBLIC_URL.replace(/\/+$/, '');
  const common = { request, store, people, mailbox, passwords, links, throttle, origin };
  return {
    ...{ sessions, signIns, passwords, secondFactors, challenges, hasher },
    ...{ throttle, failures, links, registrations },
    registration: settings.REGISTRATION,
    registerPeople: new RegisterPeople({ ...common, subjectKeys, registrations }),
    changePasswords: new ChangePasswords({ ...common, sessions, gate }),
    userSwitch: new UserSwitch(store, people, sessions),
  };
}
