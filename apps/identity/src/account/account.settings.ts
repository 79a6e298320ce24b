import { setting } from '@gatehouse/config';

/** Least values are those of OWASP's password storage page for argon2id; more may be asked for, less may not. */
export const accountSettings = {
  REGISTRATION: setting
    .choice('Who may register: anybody, people with an invitation, or nobody', ['open', 'invited', 'closed'])
    .default('open'),
  PASSWORD_MIN_LENGTH: setting.integer('Least characters of a password', { min: 8, max: 64 }).default(10),
  PASSWORD_MEMORY_KIB: setting
    .integer('Memory of one password hash (argon2id m)', { min: 19_456, max: 1_048_576 })
    .default(19_456),
  PASSWORD_PASSES: setting.integer('Passes of one password hash (argon2id t)', { min: 2, max: 32 }).default(2),
  PASSWORD_HASHES_AT_ONCE: setting.integer('Password hashes computed at once', { min: 1, max: 64 }).default(2),
  PASSWORD_HASHES_WAITING: setting
    .integer('Password hashes that may wait; more are answered 503', { min: 1, max: 10_000 })
    .default(64),
  SESSION_DAYS: setting.integer('Days after which a session ends, used or not', { min: 1, max: 365 }).default(30),
  SESSION_IDLE_DAYS: setting.integer('Days after which an unused session ends', { min: 1, max: 365 }).default(14),
} as const;
