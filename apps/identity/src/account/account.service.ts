import { keyFingerprint } from '@gatehouse/crypto';
import type { AreaContext } from '../area.js';
import { PasswordHasher } from './password/password-hasher.service.js';
import { Passwords } from './password/passwords.service.js';
import { AccessTokens } from './session/access-tokens.service.js';
import { SessionRows } from './session/session-rows.service.js';
import { Sessions } from './session/sessions.service.js';
import { Challenges } from './sign-in/challenges.service.js';
import { SecondFactorRegistry } from './sign-in/second-factors.js';
import { SignIns } from './sign-in/sign-ins.service.js';

/** What other areas use of accounts. */
export interface Account {
  readonly sessions: Sessions;
  readonly signIns: SignIns;
  readonly passwords: Passwords;
  readonly secondFactors: SecondFactorRegistry;
  readonly challenges: Challenges;
  readonly hasher: PasswordHasher;
}

export function createAccount(context: Omit<AreaContext, 'account'>): Account {
  const { platform, settings, pepper, people, store, subjectKeys, signingKeys, memberships } = context;
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
  const signIns = new SignIns({ people, passwords, sessions, memberships, challenges, secondFactors });
  return { sessions, signIns, passwords, secondFactors, challenges, hasher };
}
