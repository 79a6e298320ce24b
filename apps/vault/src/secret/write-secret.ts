import { randomUUID } from 'node:crypto';
import type { Asker } from '../asker.js';
import type { Address } from './addresses.js';
import { encodeData, mergePatch, type SecretData } from './content.js';
import { openSealed, placeOf, sealedOf } from './opened-version.js';
import { isReferenceable } from './path.js';
import { putMetadata } from './put-metadata/put-metadata.js';
import { findVersion, noSecret } from './read-version.js';
import { deletionTime, type PresentSecret, sha256, type VersionState } from './secret.js';
import type { Allowed, SecretAccess } from './secret-access.js';
import { type CustomMetadata, parseCustomMetadata, textOfMetadata, type VersionView, versionView } from './views.js';
import { nextVersion, versionWritten } from './write-version/write-version.js';

export interface WriteOptions {
  /** Version that the caller has seen; 0: the secret must not exist. */
  readonly cas?: number | undefined;
  /** Replaces the one that is there. */
  readonly customMetadata?: CustomMetadata | null | undefined;
  /** RFC 3339; from then on the version answers as deleted. */
  readonly expiresAt?: string | undefined;
  /** Others are written by the same request: under its `Idempotency-Key` each of them is a command of its own. */
  readonly amongOthers?: boolean | undefined;
}

/** Seals a new version and stores it. */
export async function writeSecret(
  access: SecretAccess,
  asker: Asker,
  address: Address,
  allowed: Allowed,
  data: SecretData,
  { cas, customMetadata, expiresAt, amongOthers = false }: WriteOptions,
): Promise<VersionView> {
  const { tenantId } = asker.caller;
  const { keyring, fingerprints } = access.parts;
  const [newSecretId, found] = [randomUUID(), await fingerprints(tenantId, data)];
  const plaintext = encodeData(data);
  const path = address.recorded;
  return access.commit(asker, address, allowed, operationOf(address, amongOthers), {
    decide: async (secret, { defaults }) => {
      const next = nextVersion(secret, { cas, expiresAt, defaults, newSecretId, now: Date.now() });
      const { secretId, version } = next;
      const value = await keyring.seal(placeOf(tenantId, secretId, version), plaintext);
      const { algorithm, keyVersion } = value;
      const sealing = { digest: sha256(value.ciphertext), algorithm, keyVersion };
      const events = [versionWritten({ path, ...next, ...sealing, referenceable: isReferenceable(address.path) })];
      const sealed = { secretId, version, value, fingerprints: found };
      if (customMetadata === undefined) return { events, sealed };
      const text = textOfMetadata(customMetadata);
      const digest = text === null ? null : await access.metadataDigest(tenantId, secretId, text);
      const meta = putMetadata({ path, newSecretId: secretId, customMetadata: digest })(secret);
      return { events: [...events, ...meta], sealed, customMetadata: text };
    },
    done: async ({ secret, revision, customMetadata: text }) => {
      const present = secret as PresentSecret;
      const of = { path: address.path, secret: present, revision, customMetadata: parseCustomMetadata(text) };
      const number = present.currentVersion;
      return versionView(of, number, present.versions[number] as VersionState, Date.now());
    },
    repeated: async ({ events, revision }) => {
      const { version } = { version: 0, ...events[0]?.data };
      const secret = (await access.stateAfter(tenantId, address, revision)) as PresentSecret;
      const of = { path: address.path, secret, revision, customMetadata: null };
      return versionView(of, version, secret.versions[version] as VersionState, Date.now());
    },
  });
}

/** The stream stands for the path, shortened because a command's id is bounded. */
const operationOf = ({ streamId }: Address, amongOthers: boolean): string =>
  amongOthers ? `secret.write:${streamId.replace('secret:', '').slice(0, 22)}` : 'secret.write';

/** Merges into the current version; somebody else's write in between is merged into, unless `cas` forbids it. */
export async function patchSecret(
  access: SecretAccess,
  asker: Asker,
  address: Address,
  allowed: Allowed,
  patch: SecretData,
  cas: number | undefined,
): Promise<VersionView> {
  const { tenantId } = asker.caller;
  for (let attempt = 1; ; attempt++) {
    const row = await access.rowOf(tenantId, address, 0);
    const found = await findVersion(access, tenantId, address, row, 0);
    if (!found || deletionTime(found.state, Date.now()) !== undefined) throw noSecret();
    const { of, number, state } = found;
    const sealed = sealedOf(row, of.secret.secretId, number, state);
    if (sealed === null) throw noSecret();
    const data = await openSealed(access.parts.keyring, placeOf(tenantId, of.secret.secretId, number), sealed);
    const merged = mergePatch(data, patch) as SecretData;
    try {
      return await writeSecret(access, asker, address, allowed, merged, { cas: cas ?? number });
    } catch (error) {
      // Somebody wrote in between: it is merged into that.
      const isBehind = (error as { code?: unknown }).code === 'check_and_set';
      if (!isBehind || cas !== undefined || attempt === 4) throw error;
    }
  }
}
