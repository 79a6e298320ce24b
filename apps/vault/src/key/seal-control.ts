import type { CommandContext } from '@gatehouse/event-store';
import { defineProblems, ProblemError } from '@gatehouse/http';
import type { KeyFollower } from './key-follower.js';
import { byVault, type KeyLog, lockSeal, sealStream } from './key-log.js';
import { type RootKeyRow, type RootKeys, rootContext, sealed } from './root-keys.js';
import type { Seal, SealFacts, SealKind } from './seal.js';
import { ShamirSeal } from './shamir/shamir-seal.js';

defineProblems({
  not_initialized: { status: 400, title: 'The vault has no root key yet' },
  initializes_itself: { status: 400, title: 'This seal needs no shares: the vault initializes itself' },
  rekey_not_possible: { status: 409, title: 'The key of this seal is not made by the vault' },
  unseal_failed: { status: 503, title: 'The seal does not open' },
});

/** What Vault's clients ask for, and little more: it is answered to anybody. */
export interface SealStatus {
  readonly initialized: boolean;
  readonly sealed: boolean;
  readonly kind: SealKind;
  /** 0 with seals that need no shares. */
  readonly threshold: number;
  readonly shares: number;
  readonly progress: number;
  readonly nonce: string;
  readonly version: string;
}

export interface SplitInto {
  readonly shares: number;
  readonly threshold: number;
}

export interface SealControlOptions {
  readonly log: KeyLog;
  readonly seal: Seal;
  readonly roots: RootKeys;
  readonly follower: KeyFollower;
  /** Where `shamir` is asked for shares without numbers. */
  readonly defaults: SplitInto;
}

/** One share more, or the wish to begin again. */
export interface Brought {
  readonly share?: string | undefined;
  readonly reset?: boolean | undefined;
}

/** Of the programs that speak of it, not of the keys. */
const version = '0.1.0';

/**
 * Seals and unseals. Whether somebody may is asked before: by the routes, of the operator's tenant. Sealing is for all
 * replicas; with shares of people each replica is unsealed by itself, since each has to get the key into its memory.
 */
export class SealControl {
  readonly #options: SealControlOptions;
  #initialized = false;

  constructor(options: SealControlOptions) {
    this.#options = options;
  }

  /** Why it is sealed, for the operator: may name files and servers. */
  get problem(): string | undefined {
    return this.#options.follower.problem;
  }

  async status(): Promise<SealStatus> {
    const { seal, roots } = this.#options;
    // While PostgreSQL is away: what was known.
    const row = await this.#activeRow().catch(() => undefined);
    this.#initialized ||= row !== undefined || !roots.sealed;
    const { shares = 0, threshold = 0 } = row?.seal_facts ?? {};
    const collected = seal instanceof ShamirSeal ? seal.collected : { progress: 0, nonce: '' };
    const initialized = this.#initialized;
    return { initialized, sealed: roots.sealed, kind: seal.kind, threshold, shares, ...collected, version };
  }

  /**
   * The first root key, under a key that is split. The shares are answered here and nowhere else; the vault stays sealed
   * until they are brought, which shows that they arrived. There is no root token: who may do what is policy's.
   *
   * @throws ProblemError `already_initialized`, `initializes_itself`, `validation_failed`
   */
  async init(wanted: SealFacts = {}): Promise<{ readonly shares: readonly string[] }> {
    const { seal, roots } = this.#options;
    if (!(seal instanceof ShamirSeal)) throw new ProblemError('initializes_itself');
    const facts = this.#checked(wanted);
    const shares = await seal.rekey(facts, async (wrap) => {
      if (!(await roots.create(wrap, facts))) throw new ProblemError('already_initialized');
    });
    seal.forget();
    return { shares };
  }

  /**
   * Without shares: opens the seal again after {@link seal}. With `shamir`: one share more, or `reset` to begin again.
   *
   * @throws ProblemError `not_initialized`, `unseal_failed`, and those of `ShamirSeal.offer`
   */
  async unseal(given: Brought = {}, by?: CommandContext): Promise<SealStatus> {
    const { seal, roots, log, follower } = this.#options;
    const opened = await follower.between(async () => {
      const row = await this.#activeRow();
      if (!row && seal.kind === 'shamir') throw new ProblemError('not_initialized');
      if (!roots.sealed) return false;
      if (seal instanceof ShamirSeal && row && !(await this.#collect(seal, row, given))) return false;
      await this.#open(by ?? byVault(log.operatorTenant));
      return true;
    });
    if (opened) await follower.followNow();
    return this.status();
  }

  /** Every replica forgets its keys. Nobody but {@link unseal} gets them back, not even a restart. */
  async seal(by?: CommandContext): Promise<void> {
    const { log, follower } = this.#options;
    await log.change(async ({ client, record, announce }) => {
      if ((await lockSeal(client)).sealed) return;
      await client.query('update seal_state set sealed = true');
      await record(sealStream, by ?? byVault(log.operatorTenant), 'vault.sealed', {});
      await announce();
    });
    await follower.followNow();
  }

  /**
   * The same root keys under a new key of the seal, or under new shares.
   *
   * @throws ProblemError `sealed`, `rekey_not_possible`, `validation_failed`
   */
  async rekey(wanted: SealFacts = {}, by?: CommandContext): Promise<{ readonly shares: readonly string[] }> {
    const { seal, roots, log } = this.#options;
    if (roots.sealed) throw sealed();
    if (!seal.rekey)
      throw new ProblemError('rekey_not_possible', 'Start once with the new key, and the former as SEAL_PREVIOUS');
    const facts = seal.kind === 'shamir' ? this.#checked(wanted) : {};
    const shares = await seal.rekey(facts, (wrap) => roots.rewrap(wrap, facts, by ?? byVault(log.operatorTenant)));
    return { shares };
  }

  /** True when the seal is open. */
  async #collect(seal: ShamirSeal, row: RootKeyRow, { share, reset }: Brought) {
    if (seal.ready) return true;
    if (reset) seal.reset();
    if (share === undefined) return false;
    return seal.offer(share, row.seal_facts.threshold ?? this.#options.defaults.threshold, row.wrapped, rootContext);
  }

  /** Into memory first: what does not open stays sealed for the other replicas too. */
  async #open(by: CommandContext): Promise<void> {
    const { log, roots, seal } = this.#options;
    if ((await roots.rows()).length > 0)
      await roots.refresh().catch((error: Error) => {
        throw new ProblemError('unseal_failed', error.message, { cause: error, retryAfterSeconds: 5 });
      });
    await log.change(async ({ client, record, announce }) => {
      await lockSeal(client);
      await client.query('update seal_state set sealed = false');
      if (!roots.sealed) await record(sealStream, by, 'vault.unsealed', { rootKey: roots.active.id, seal: seal.kind });
      await announce();
    });
  }

  async #activeRow(): Promise<RootKeyRow | undefined> {
    return (await this.#options.roots.rows()).find(({ active }) => active);
  }

  #checked({ shares, threshold }: SealFacts): SplitInto {
    const { defaults } = this.#options;
    const facts = { shares: shares ?? defaults.shares, threshold: threshold ?? defaults.threshold };
    if (facts.threshold <= facts.shares) return facts;
    throw new ProblemError('validation_failed', undefined, {
      errors: [{ path: 'body.threshold', message: 'is more than there are shares' }],
    });
  }
}
