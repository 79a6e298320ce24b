import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import {
  CryptoError,
  openValue,
  type RootKey,
  rootKeyOf,
  type SealedValue,
  sealValue,
  unwrapKey,
  type ValuePlace,
  type VersionedKey,
  wrapKey,
} from '@gatehouse/crypto';
import { defineProblems, ProblemError } from '@gatehouse/http';
import type pg from 'pg';
import type { Seal } from './seal.js';

defineProblems({
  sealed: { status: 503, title: 'The vault is sealed' },
});

export interface KeyringOptions {
  readonly pool: pg.Pool;
  readonly seal: Seal;
  readonly onError: (error: Error) => void;
}

type Purpose = 'data' | 'fingerprint';

interface TenantKeys {
  /** In rising order of versions. */
  readonly data: readonly VersionedKey[];
  readonly fingerprint: KeyObject;
}

const newKey = (): KeyObject => createSecretKey(randomBytes(32));
const rootContext = 'vault.root-key';
const tenantContext = (tenantId: string, purpose: Purpose, version: number): string =>
  JSON.stringify(['vault.tenant-key', tenantId, purpose, version]);

/**
 * The keys in memory: the root key, which the seal opens, and under it those of the tenants. Values are sealed under data
 * keys of their own (`@gatehouse/crypto`, `sealValue`), which the tenant's key wraps.
 */
export class Keyring {
  readonly #options: KeyringOptions;
  #root: RootKey | undefined;
  #tenants = new Map<string, Promise<TenantKeys>>();

  constructor(options: KeyringOptions) {
    this.#options = options;
  }

  get sealed(): boolean {
    return this.#root === undefined;
  }

  /** Reads the root key, or makes the first one. */
  async unseal(): Promise<void> {
    const { pool, seal } = this.#options;
    const read = async () =>
      (await pool.query<{ wrapped: Buffer }>('select wrapped from root_keys where active')).rows[0]?.wrapped;
    let wrapped = await read();
    if (!wrapped) {
      const key = newKey();
      await pool.query(
        'insert into root_keys (id, wrapped, seal_kind, active) values ($1, $2, $3, true) on conflict do nothing',
        [rootKeyOf(key).id, await seal.wrap(key, rootContext), seal.kind],
      );
      wrapped = await read();
    }
    if (!wrapped) throw new Error('the root key was not stored');
    this.#root = rootKeyOf(await seal.unwrap(wrapped, rootContext));
  }

  /** Forgets every key. */
  forget(): void {
    this.#root = undefined;
    this.#tenants.clear();
  }

  /** @throws ProblemError `sealed` */
  async seal(place: ValuePlace, plaintext: Uint8Array): Promise<SealedValue> {
    const { data } = await this.#keysOf(place.tenantId);
    return sealValue(data.at(-1) as VersionedKey, place, plaintext);
  }

  /** @throws ProblemError `sealed`; CryptoError when the value was changed, or comes from another place */
  async open(place: ValuePlace, sealed: SealedValue): Promise<Buffer> {
    const { data } = await this.#keysOf(place.tenantId);
    const key = data.find(({ version }) => version === sealed.keyVersion);
    if (!key) throw new CryptoError('wrong_key', `tenant key ${sealed.keyVersion} is not there`);
    return openValue(key, place, sealed);
  }

  /** 32 bytes by which an equal text of the same tenant is found again: HMAC-SHA256 under a key of the tenant. */
  async fingerprint(tenantId: string, text: string | Uint8Array): Promise<Buffer> {
    const { fingerprint } = await this.#keysOf(tenantId);
    return createHmac('sha256', fingerprint).update('gatehouse.fingerprint.v1\0').update(text).digest();
  }

  #keysOf(tenantId: string): Promise<TenantKeys> {
    const root = this.#root;
    if (!root) throw new ProblemError('sealed', 'The vault is sealed', { retryAfterSeconds: 5 });
    const known = this.#tenants.get(tenantId);
    if (known) return known;
    const loading = this.#load(root, tenantId);
    this.#tenants.set(tenantId, loading);
    loading.catch(() => this.#tenants.delete(tenantId));
    return loading;
  }

  async #load(root: RootKey, tenantId: string): Promise<TenantKeys> {
    const { pool } = this.#options;
    for (const purpose of ['data', 'fingerprint'] as const) {
      const wrapped = wrapKey(root, newKey(), tenantContext(tenantId, purpose, 1));
      await pool.query(
        `insert into tenant_keys (tenant_id, purpose, version, wrapped)
         select $1, $2, 1, $3 where not exists (select from tenant_keys where tenant_id = $1 and purpose = $2)
         on conflict do nothing`,
        [tenantId, purpose, wrapped],
      );
    }
    const { rows } = await pool.query<{ purpose: Purpose; version: number; wrapped: Buffer }>(
      'select purpose, version, wrapped from tenant_keys where tenant_id = $1 order by version',
      [tenantId],
    );
    const opened = rows.map(({ purpose, version, wrapped }) => ({
      purpose,
      version,
      key: unwrapKey(root, wrapped, tenantContext(tenantId, purpose, version)),
    }));
    const fingerprint = opened.find(({ purpose }) => purpose === 'fingerprint');
    if (!fingerprint) throw new Error('the key for fingerprints is not there');
    return { data: opened.filter(({ purpose }) => purpose === 'data'), fingerprint: fingerprint.key };
  }
}
