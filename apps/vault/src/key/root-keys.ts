import { generateKeySync, type KeyObject } from 'node:crypto';
import { CryptoError, type RootKey, rootKeyOf, wrappedUnder } from '@gatehouse/crypto';
import { defineProblems, ProblemError } from '@gatehouse/http';
import type pg from 'pg';
import { byVault, type KeyLog, lockSeal, sealStream } from './key-log.js';
import type { Seal, SealFacts, SealKind, Wrap } from './seal.js';

defineProblems({
  sealed: { status: 503, title: 'The vault is sealed' },
  already_initialized: { status: 400, title: 'The vault has a root key already' },
});

export const rootContext = 'vault.root-key';

export interface RootKeyRow {
  readonly id: string;
  readonly wrapped: Buffer;
  readonly seal_kind: SealKind;
  readonly seal_facts: SealFacts;
  readonly active: boolean;
}

export const newKey = (): KeyObject => generateKeySync('aes', { length: 256 });

export interface RootKeysOptions {
  readonly pool: pg.Pool;
  readonly log: KeyLog;
  readonly seal: Seal;
  readonly previous?: Seal | undefined;
}

/**
 * The root keys in memory: the active one, and during a rotation the one that it replaces. Each is opened by the seal once
 * and held until the vault is sealed, or its row is gone.
 */
export class RootKeys {
  readonly #options: RootKeysOptions;
  #held = new Map<string, RootKey>();
  #active: string | undefined;
  #underPrevious = false;

  constructor(options: RootKeysOptions) {
    this.#options = options;
  }

  get sealed(): boolean {
    return this.#active === undefined;
  }

  /** Whether the seal that was replaced had to open a row: then it is to be stored under the present one. */
  get underPrevious(): boolean {
    return this.#underPrevious;
  }

  /** Ids of the keys in memory. */
  get held(): readonly string[] {
    return [...this.#held.keys()];
  }

  /** @throws ProblemError `sealed` */
  get active(): RootKey {
    const key = this.#active === undefined ? undefined : this.#held.get(this.#active);
    if (!key) throw sealed();
    return key;
  }

  /** The key that something is wrapped under. Undefined for one that this replica does not hold (yet, or any more). */
  of(wrapped: Uint8Array): RootKey | undefined {
    return this.#held.get(wrappedUnder(wrapped));
  }

  async rows(): Promise<readonly RootKeyRow[]> {
    const { rows } = await this.#options.pool.query<RootKeyRow>(
      'select id, wrapped, seal_kind, seal_facts, active from root_keys order by active desc, created_at',
    );
    return rows;
  }

  /** Makes memory what the table says. @throws when a row cannot be opened: then what was held stays held. */
  async refresh(): Promise<void> {
    const rows = await this.rows();
    const held = new Map<string, RootKey>();
    for (const row of rows) held.set(row.id, this.#held.get(row.id) ?? (await this.#open(row)));
    const active = rows.find((row) => row.active)?.id;
    if (active === undefined) throw new Error('the table root_keys has no active key');
    this.#held = held;
    this.#active = active;
  }

  /** What people have to open, if it is they who have to. */
  async waitsForShares(): Promise<boolean> {
    const { seal } = this.#options;
    return this.sealed && !seal.ready && (await this.rows()).every((row) => row.seal_kind === seal.kind);
  }

  forget(): void {
    this.#held = new Map();
    this.#active = undefined;
  }

  /**
   * The first root key. Nothing may have been sealed before, because what was needs another one than a new one.
   *
   * @returns false when there is a root key already
   */
  async create(wrap: Wrap = this.#options.seal.wrap, facts: SealFacts = {}): Promise<boolean> {
    const { seal, log } = this.#options;
    const key = rootKeyOf(newKey());
    return log.change(async ({ client, record, announce }) => {
      await lockSeal(client);
      const { rows } = await client.query<{ roots: boolean; tenants: boolean }>(
        'select exists (select from root_keys) as roots, exists (select from tenant_keys) as tenants',
      );
      if (rows[0]?.roots) return false;
      if (rows[0]?.tenants)
        throw new Error(
          'the table root_keys is empty, but tenants have keys under a root key: restore it from a backup',
        );
      seal.create?.();
      await client.query(
        'insert into root_keys (id, wrapped, seal_kind, seal_facts, active) values ($1, $2, $3, $4, true)',
        [key.id, await wrap(key.key, rootContext), seal.kind, facts],
      );
      const context = byVault(log.operatorTenant);
      await record(sealStream, context, 'vault.initialized', { rootKey: key.id, seal: seal.kind, ...facts });
      await announce();
      return true;
    });
  }

  /** Stores every root key anew, as `wrap` gives it. */
  async rewrap(wrap: Wrap, facts: SealFacts, context = byVault(this.#options.log.operatorTenant)): Promise<void> {
    const { seal, log } = this.#options;
    await log.change(async ({ client, record, announce }) => {
      await lockSeal(client);
      const { rows } = await client.query<{ id: string; seal_kind: SealKind }>('select id, seal_kind from root_keys');
      for (const { id } of rows) {
        const key = this.#held.get(id);
        if (!key) throw sealed();
        await client.query('update root_keys set wrapped = $2, seal_kind = $3, seal_facts = $4 where id = $1', [
          id,
          await wrap(key.key, rootContext),
          seal.kind,
          facts,
        ]);
      }
      const data = { from: rows[0]?.seal_kind ?? seal.kind, to: seal.kind, ...facts };
      await record(sealStream, context, 'seal.rekeyed', data);
      await announce();
    });
    this.#underPrevious = false;
  }

  async #open(row: RootKeyRow): Promise<RootKey> {
    const key = rootKeyOf(await this.#unwrap(row));
    if (key.id !== row.id) throw new CryptoError('wrong_key', `the row of root key ${row.id} holds another key`);
    return key;
  }

  async #unwrap({ wrapped, seal_kind: kind }: RootKeyRow): Promise<KeyObject> {
    const { seal, previous } = this.#options;
    const openers = [seal, previous].filter((each) => each?.kind === kind) as Seal[];
    const [first, second] = openers;
    if (!first)
      throw new Error(
        `SEAL is ${seal.kind}, but the root key is sealed with ${kind}: name that in SEAL_PREVIOUS, once`,
      );
    try {
      return await this.#by(first, wrapped);
    } catch (error) {
      // Of the same kind, both are tried: a file that replaces a file.
      if (!second) throw error;
      return await this.#by(second, wrapped);
    }
  }

  async #by(opener: Seal, wrapped: Buffer): Promise<KeyObject> {
    const key = await opener.unwrap(wrapped, rootContext);
    this.#underPrevious ||= opener === this.#options.previous;
    return key;
  }
}

export const sealed = (): ProblemError =>
  new ProblemError('sealed', 'The vault is sealed: its operator sees why, and unseals it, at /api/v1/vault/seal', {
    retryAfterSeconds: 5,
  });
