import { randomUUID } from 'node:crypto';
import type { Asker } from '../asker.js';
import type { Address } from './addresses.js';
import { changeVersions, type VersionChange } from './change-versions/change-versions.js';
import type { SecretConfigs } from './config/secret-configs.js';
import { mergePatch, type SecretData, subkeysOf } from './content.js';
import { forgetSecret } from './forget-secret/forget-secret.js';
import { putMetadata } from './put-metadata/put-metadata.js';
import { noSecret, readVersion } from './read-version.js';
import type { Secret, SettingsChange } from './secret.js';
import type { SecretAccess } from './secret-access.js';
import type { Committed, SecretCommand } from './secret-log.js';
import {
  type ConfigView,
  type CustomMetadata,
  type MetadataView,
  metadataView,
  parseCustomMetadata,
  type SecretRead,
  textOfMetadata,
  type VersionView,
} from './views.js';
import { patchSecret, type WriteOptions, writeSecret } from './write-secret.js';

export interface MetadataChange extends SettingsChange {
  readonly customMetadata?: CustomMetadata | null | undefined;
}

/** Merged into what is there (RFC 7396). */
export interface MetadataPatch extends SettingsChange {
  readonly customMetadata?: Readonly<Record<string, string | null>> | null | undefined;
}

export interface ListOptions {
  readonly recursive?: boolean | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

export interface ListPage {
  /** `foo`, and `foo/` for what lies below. */
  readonly keys: readonly string[];
  readonly nextCursor: string | null;
}

/** The resource of decisions about all secrets. */
export const allSecrets = 'tenant/secrets';
const maxPage = 1_000;

/**
 * The one way to secrets. Every operation is a recorded decision about who asks, and a value is opened only after an allow
 * that names the version. All of them throw ProblemError: `validation_failed` (the path), `forbidden`, `not_found`,
 * `sealed`, `unavailable`, `integrity_violation`.
 */
export class Secrets {
  constructor(
    private readonly access: SecretAccess,
    private readonly configs: SecretConfigs,
  ) {}

  /** A version, the current one unless said otherwise. `data` is null when it is deleted, expired or destroyed. */
  read(asker: Asker, path: string, { version = 0 }: { version?: number | undefined } = {}): Promise<SecretRead> {
    return readVersion(this.access, asker, path, version);
  }

  /** The names in the content, values null. */
  async subkeys(
    asker: Asker,
    path: string,
    { version, depth }: { version?: number | undefined; depth?: number | undefined } = {},
  ) {
    const { data, ...view } = await this.read(asker, path, { version });
    return { ...view, subkeys: data === null ? null : subkeysOf(data, depth) };
  }

  /** A new version. @throws ProblemError `check_and_set`, `check_and_set_required` */
  async write(asker: Asker, path: string, data: SecretData, options: WriteOptions = {}): Promise<VersionView> {
    const address = this.access.address(asker.caller.tenantId, path);
    const allowed = await this.access.admit(asker, 'secret.write', `secret/${path}`);
    return this.access.guarded(asker, address, () => writeSecret(this.access, asker, address, allowed, data, options));
  }

  /** Merges into the current version (RFC 7396): null removes a member. @throws ProblemError as {@link write} */
  async patch(
    asker: Asker,
    path: string,
    patch: SecretData,
    { cas }: { cas?: number | undefined } = {},
  ): Promise<VersionView> {
    const address = this.access.address(asker.caller.tenantId, path);
    const allowed = await this.access.admit(asker, 'secret.write', `secret/${path}`);
    return this.access.guarded(asker, address, () => patchSecret(this.access, asker, address, allowed, patch, cas));
  }

  /** Soft: what was deleted can be restored. Without versions the current one. */
  remove(asker: Asker, path: string, versions?: readonly number[]): Promise<MetadataView> {
    return this.#changeVersions(asker, path, 'deleted', versions);
  }

  restore(asker: Asker, path: string, versions: readonly number[]): Promise<MetadataView> {
    return this.#changeVersions(asker, path, 'restored', versions);
  }

  /** For good: the ciphertexts go. */
  destroy(asker: Asker, path: string, versions: readonly number[]): Promise<MetadataView> {
    return this.#changeVersions(asker, path, 'destroyed', versions);
  }

  async metadata(asker: Asker, path: string): Promise<MetadataView> {
    const { tenantId } = asker.caller;
    const address = this.access.address(tenantId, path);
    await this.access.admit(asker, 'secret.list', `secret/${path}`);
    return this.access.guarded(asker, address, async () => {
      const row = await this.access.rowOf(tenantId, address, 0);
      const of = await this.access.believed(tenantId, address, row);
      if (!of) throw noSecret();
      return metadataView(of, Date.now());
    });
  }

  /** What is not given stays. */
  putMetadata(asker: Asker, path: string, change: MetadataChange): Promise<MetadataView> {
    return this.#changeMetadata(asker, path, () => change);
  }

  /** Merges (RFC 7396); of the custom metadata null removes a member. */
  patchMetadata(asker: Asker, path: string, patch: MetadataPatch): Promise<MetadataView> {
    return this.#changeMetadata(asker, path, (before) => {
      const { customMetadata } = patch;
      if (customMetadata === undefined) return patch as MetadataChange;
      return { ...patch, customMetadata: mergePatch(before, customMetadata) as CustomMetadata | null };
    });
  }

  /** All versions and the metadata, for good. Nothing there is nothing to do. */
  async forget(asker: Asker, path: string): Promise<void> {
    const address = this.access.address(asker.caller.tenantId, path);
    const allowed = await this.access.admit(asker, 'secret.delete', `secret/${path}`);
    const nothing = () => undefined;
    await this.access.guarded(asker, address, () =>
      this.access.commit(asker, address, allowed, 'secret.forget', {
        decide: (secret) => ({ events: forgetSecret(address.recorded)(secret) }),
        done: nothing,
        repeated: nothing,
      }),
    );
  }

  /** Names below a prefix; an empty one is the root. */
  async list(asker: Asker, prefix: string, options: ListOptions = {}): Promise<ListPage> {
    const { tenantId } = asker.caller;
    const folder = prefix.replace(/\/$/, '');
    if (folder !== '') this.access.address(tenantId, folder);
    await this.access.admit(asker, 'secret.list', folder === '' ? allSecrets : `secret/${folder}`);
    const { recursive = false, limit = maxPage, cursor = '' } = options;
    const asked = Math.min(limit, maxPage) + 1;
    const below = folder === '' ? '' : `${folder}/`;
    const found = await this.access.parts.log.list(tenantId, below, cursor, recursive, asked);
    const keys = found.slice(0, asked - 1);
    return { keys, nextCursor: found.length === asked ? (keys.at(-1) ?? null) : null };
  }

  async config(asker: Asker): Promise<ConfigView> {
    await this.access.admit(asker, 'secret.list', allSecrets);
    return this.configs.of(asker.caller.tenantId);
  }

  /** Defaults of the tenant's secrets. What is not given stays. */
  async putConfig(asker: Asker, change: SettingsChange): Promise<ConfigView> {
    const allowed = await this.access.admit(asker, 'secret.write', allSecrets);
    return this.configs.put(change, this.access.context(asker, allowed, Date.now()));
  }

  async #changeVersions(asker: Asker, path: string, change: VersionChange, versions?: readonly number[]) {
    const address = this.access.address(asker.caller.tenantId, path);
    const allowed = await this.access.admit(asker, 'secret.delete', `secret/${path}`);
    const decide = (secret: Secret) => ({
      events: changeVersions({ path: address.recorded, change, versions, now: Date.now() })(secret),
    });
    return this.access.guarded(asker, address, () =>
      this.access.commit(
        asker,
        address,
        allowed,
        `secret.versions_${change}`,
        this.#metadataAnswers(asker, address, decide),
      ),
    );
  }

  async #changeMetadata(
    asker: Asker,
    path: string,
    changeOf: (before: CustomMetadata | null) => MetadataChange,
  ): Promise<MetadataView> {
    const { tenantId } = asker.caller;
    const address = this.access.address(tenantId, path);
    const allowed = await this.access.admit(asker, 'secret.write', `secret/${path}`);
    const fresh = randomUUID();
    const decide: SecretCommand['decide'] = async (secret, { customMetadata: stored }) => {
      const before = secret.status === 'present' ? await this.access.metadataOf(tenantId, secret, stored) : null;
      const { customMetadata, ...settings } = changeOf(before);
      const common = { ...settings, path: address.recorded, newSecretId: fresh };
      if (customMetadata === undefined) return { events: putMetadata(common)(secret) };
      const text = textOfMetadata(customMetadata);
      const secretId = secret.status === 'present' ? secret.secretId : fresh;
      const digest = text === null ? null : await this.access.metadataDigest(tenantId, secretId, text);
      return { events: putMetadata({ ...common, customMetadata: digest })(secret), customMetadata: text };
    };
    return this.access.guarded(asker, address, () =>
      this.access.commit(asker, address, allowed, 'secret.metadata', this.#metadataAnswers(asker, address, decide)),
    );
  }

  /** A repeated command answers the metadata as it is now: it holds what the command did, and what came after. */
  #metadataAnswers(asker: Asker, address: Address, decide: SecretCommand['decide']) {
    const { path } = address;
    const { tenantId } = asker.caller;
    return {
      decide,
      done: async ({ secret, revision, customMetadata }: Committed) => {
        if (secret.status === 'absent') throw noSecret();
        const of = { path, secret, revision, customMetadata: parseCustomMetadata(customMetadata) };
        return metadataView(of, Date.now());
      },
      repeated: async () => {
        const of = await this.access.believed(tenantId, address, await this.access.rowOf(tenantId, address, 0));
        if (!of) throw noSecret();
        return metadataView(of, Date.now());
      },
    };
  }
}
