import { createRequire } from 'node:module';
import { asTenant, type Query } from '@gatehouse/event-store';
import { ProblemError } from '@gatehouse/http';
import type pg from 'pg';
import type { Person } from '../../person/people.service.js';
import { refuse } from '../account-refusal.js';
import type { PasswordHasher } from './password-hasher.service.js';
import {
  canonicalPassword,
  isWellFormed,
  maxPasswordBytes,
  type OwnWords,
  passwordMessages,
  passwordProblem,
} from './password-rules.js';

type Client = Pick<Query, 'query'>;
type Owner = Pick<Person, 'userId' | 'homeTenantId'>;

export interface PasswordsOptions {
  /** Connections of the request role. */
  readonly request: pg.Pool;
  readonly hasher: PasswordHasher;
  readonly minLength: number;
}

interface Stored {
  readonly hash: string;
  readonly changed_at: Date;
}

/** A password that was right, and what makes that still true at a commit. */
export interface CheckedPassword {
  /** For `Sessions.start`: throws when the password was changed meanwhile. Run it inside the transaction. */
  readonly guard: (client: Client) => Promise<void>;
}

const nobody: Owner = { userId: '00000000-0000-0000-0000-000000000000', homeTenantId: 'p-nobody' };

/** Passwords of people: hashes in a table that erasure reaches, and in no event. */
export class Passwords {
  readonly #options: PasswordsOptions;
  readonly #common = commonPasswords();
  #decoy: Promise<string> | undefined;

  constructor(options: PasswordsOptions) {
    this.#options = options;
  }

  /**
   * A hash of a new password, to {@link store} later.
   *
   * @throws ProblemError `validation_failed` naming the field `path`; `unavailable` when too many wait
   */
  async hashNew(password: string, own: OwnWords, path = 'body.password'): Promise<string> {
    const { minLength, hasher } = this.#options;
    const problem = passwordProblem(password, { minLength, isCommon: (text) => this.#common.has(text) }, own);
    if (problem) {
      const message = problem === 'too_short' ? `has less than ${minLength} characters` : passwordMessages[problem];
      throw new ProblemError('validation_failed', undefined, { errors: [{ path, message }] });
    }
    return hasher.hash(canonicalPassword(password));
  }

  /** Inside the transaction of the event that tells of it, as the person's home tenant. */
  async store(client: Client, { userId, homeTenantId }: Owner, hash: string, now: number): Promise<void> {
    await client.query(
      `insert into password_hashes (tenant_id, user_id, hash, changed_at) values ($1, $2, $3, $4)
       on conflict (user_id) do update set hash = excluded.hash, changed_at = excluded.changed_at`,
      [homeTenantId, userId, hash, new Date(now)],
    );
  }

  /**
   * Whether it is this person's password; undefined if not. Takes as long for nobody (`undefined`) and for somebody who
   * has none. A right one whose hash is weaker than the settings ask is hashed anew on the way.
   */
  async check(owner: Owner | undefined, password: string): Promise<CheckedPassword | undefined> {
    const { hasher } = this.#options;
    // Read for nobody, too: a statement less could be measured.
    const stored = await this.#read(owner ?? nobody);
    const matches = await this.matches(stored?.hash, password);
    if (!owner || !stored || !matches) return undefined;
    if (hasher.isWeak(stored.hash)) await this.#strengthen(owner, stored, password);
    return { guard: (client) => refuseIfChanged(client, owner.userId, stored.changed_at) };
  }

  /** Compares with a hash that stands elsewhere, or in vain with a decoy: both take as long. */
  async matches(hash: string | undefined, password: string): Promise<boolean> {
    const { hasher } = this.#options;
    this.#decoy ??= hasher.hash('no password has this hash');
    const usable = isWellFormed(password) && Buffer.byteLength(canonicalPassword(password)) <= maxPasswordBytes;
    const matches = await hasher.verify(hash ?? (await this.#decoy), usable ? canonicalPassword(password) : '');
    return matches && usable && hash !== undefined;
  }

  async has(owner: Owner): Promise<boolean> {
    return (await this.#read(owner)) !== undefined;
  }

  #read({ userId, homeTenantId }: Owner): Promise<Stored | undefined> {
    return asTenant(this.#options.request, homeTenantId, async (client) => {
      const { rows } = await client.query<Stored>('select hash, changed_at from password_hashes where user_id = $1', [
        userId,
      ]);
      return rows[0];
    });
  }

  /** The same password: `changed_at` stays, and a change that came first is left alone. */
  async #strengthen({ userId, homeTenantId }: Owner, { hash }: Stored, password: string): Promise<void> {
    const stronger = await this.#options.hasher.hash(canonicalPassword(password));
    await asTenant(this.#options.request, homeTenantId, (client) =>
      client.query('update password_hashes set hash = $3 where user_id = $1 and hash = $2', [userId, hash, stronger]),
    );
  }
}

/** The lock orders a sign-in against a change of the password: whichever comes second sees the other. */
async function refuseIfChanged(client: Client, userId: string, changedAt: Date): Promise<void> {
  const { rows } = await client.query<{ changed_at: Date }>(
    'select changed_at from password_hashes where user_id = $1 for share',
    [userId],
  );
  if (rows[0]?.changed_at.getTime() !== changedAt.getTime()) throw refuse('sign_in_refused');
}

/** 49,000 passwords that turn up most in what was stolen elsewhere (package `@zxcvbn-ts/language-common`). */
function commonPasswords(): ReadonlySet<string> {
  const load = createRequire(import.meta.url);
  const { dictionary } = load('@zxcvbn-ts/language-common') as { dictionary: Record<string, readonly string[]> };
  return new Set(dictionary['passwords-common']);
}
