import { createHmac } from 'node:crypto';
import {
  CryptoError,
  openValue,
  type SealedValue,
  sealValue,
  type ValuePlace,
  type VersionedKey,
} from '@gatehouse/crypto';
import type { RootKeys } from './root-keys.js';
import { sealed } from './root-keys.js';
import type { TenantKeys, TenantKeyTable } from './tenant-key-table.js';

export interface KeyringOptions {
  readonly roots: RootKeys;
  readonly table: TenantKeyTable;
}

/** Tenants whose keys stay in memory; the one that was read longest ago makes room. */
const maxTenants = 10_000;

/**
 * Seals and opens everything that is secret. Values are sealed under data keys of their own (`@gatehouse/crypto`,
 * `sealValue`), which the tenant's key wraps; that is wrapped by the root key, and that by the seal.
 */
export class Keyring {
  readonly #options: KeyringOptions;
  readonly #tenants = new Map<string, Promise<TenantKeys>>();

  constructor(options: KeyringOptions) {
    this.#options = options;
  }

  get sealed(): boolean {
    return this.#options.roots.sealed;
  }

  /** Forgets every key. */
  forget(): void {
    this.#options.roots.forget();
    this.forgetTenants();
  }

  /** The keys of tenants are read again when they are needed. */
  forgetTenants(): void {
    this.#tenants.clear();
  }

  forgetTenant(tenantId: string): void {
    this.#tenants.delete(tenantId);
  }

  /** What is in memory: ids of root keys, versions of tenant keys. */
  async held(): Promise<{ roots: readonly string[]; tenants: ReadonlyMap<string, readonly number[]> }> {
    const tenants = new Map<string, readonly number[]>();
    for (const [tenantId, keys] of this.#tenants)
      tenants.set(
        tenantId,
        (await keys).data.map(({ version }) => version),
      );
    return { roots: this.#options.roots.held, tenants };
  }

  /** @throws ProblemError `sealed`, `tenant_sealed`, `key_damaged` */
  async seal(place: ValuePlace, plaintext: Uint8Array): Promise<SealedValue> {
    const { data } = await this.keysOf(place.tenantId);
    return sealValue(data.at(-1) as VersionedKey, place, plaintext);
  }

  /**
   * @throws ProblemError as {@link seal}; CryptoError when the value was changed, comes from another place, or was sealed
   *   under a key that is not there
   */
  async open(place: ValuePlace, value: SealedValue): Promise<Buffer> {
    return openValue(await this.dataKey(place.tenantId, value.keyVersion), place, value);
  }

  /** 32 bytes by which an equal text of the same tenant is found again: HMAC-SHA256 under a key of the tenant. */
  async fingerprint(tenantId: string, text: string | Uint8Array): Promise<Buffer> {
    const { fingerprint } = await this.keysOf(tenantId);
    return createHmac('sha256', fingerprint).update('gatehouse.fingerprint.v1\0').update(text).digest();
  }

  /** One version of a tenant's key. @throws as {@link open} */
  async dataKey(tenantId: string, version: number): Promise<VersionedKey> {
    const find = async () => (await this.keysOf(tenantId)).data.find((key) => key.version === version);
    const known = await find();
    if (known) return known;
    // Another replica may have rotated it a moment ago.
    this.forgetTenant(tenantId);
    const now = await find();
    if (!now) throw new CryptoError('wrong_key', `the tenant's key has no version ${version} (any more)`);
    return now;
  }

  keysOf(tenantId: string): Promise<TenantKeys> {
    if (this.sealed) throw sealed();
    const known = this.#tenants.get(tenantId);
    if (known) return known;
    if (this.#tenants.size >= maxTenants) this.#tenants.delete(this.#tenants.keys().next().value as string);
    const loading = this.#options.table.load(tenantId);
    this.#tenants.set(tenantId, loading);
    loading.catch(() => this.#tenants.get(tenantId) === loading && this.#tenants.delete(tenantId));
    return loading;
  }
}
