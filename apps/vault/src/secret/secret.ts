import { hash } from 'node:crypto';
import type {
  Actor,
  Envelope,
  SecretMetadataChanged,
  SecretVersionsDeleted,
  SecretVersionWritten,
} from '@gatehouse/contracts';
import { canonicalJson } from '@gatehouse/crypto';
import type { Decider } from '@gatehouse/event-store';

interface Written {
  /** SHA-256 of the ciphertext. */
  readonly digest: string;
  readonly createdAt: string;
  readonly createdBy: Actor;
  readonly expiresAt?: string;
}

export type VersionState =
  | (Written & { readonly status: 'live' })
  | (Written & { readonly status: 'deleted'; readonly deletedAt: string })
  | (Written & { readonly status: 'destroyed'; readonly deletedAt?: string; readonly destroyedAt: string });

/** Settings of one secret; 0 stands for the tenant's. */
export interface SecretSettings {
  readonly maxVersions: number;
  readonly casRequired: boolean;
  readonly deleteVersionAfterSeconds: number;
}

/** What is not given stays. */
export type SettingsChange = { readonly [K in keyof SecretSettings]?: SecretSettings[K] | undefined };

export const changedSettings = (before: SecretSettings, change: SettingsChange): SecretSettings => ({
  maxVersions: change.maxVersions ?? before.maxVersions,
  casRequired: change.casRequired ?? before.casRequired,
  deleteVersionAfterSeconds: change.deleteVersionAfterSeconds ?? before.deleteVersionAfterSeconds,
});

export interface PresentSecret extends SecretSettings {
  readonly status: 'present';
  /** Part of the place that values are sealed for: rows of an earlier secret of this path do not open. */
  readonly secretId: string;
  /** 0 while there is metadata only. */
  readonly currentVersion: number;
  readonly createdAt: string;
  readonly updatedAt: string;
  /** Keyed digest of the custom metadata. */
  readonly customMetadata: string | null;
  /** By number; those beyond the limit are gone. */
  readonly versions: Readonly<Record<string, VersionState>>;
}

export type Secret = { readonly status: 'absent' } | PresentSecret;

export const unset: SecretSettings = { maxVersions: 0, casRequired: false, deleteVersionAfterSeconds: 0 };

/** What a state is folded from: known before the envelope is, whose data hold the digest of that state. */
export type SecretEvent = Pick<Envelope, 'type' | 'data' | 'occurredAt' | 'actor'>;

const empty = (secretId: string, occurredAt: string): PresentSecret => ({
  status: 'present',
  secretId,
  currentVersion: 0,
  createdAt: occurredAt,
  updatedAt: occurredAt,
  customMetadata: null,
  ...unset,
  versions: {},
});

const folds: Readonly<Record<string, (secret: PresentSecret, event: SecretEvent) => PresentSecret>> = {
  'secret.version_written': (secret, { data, occurredAt, actor }) => {
    const { version, digest, expiresAt, pruned } = data as SecretVersionWritten;
    const written = { digest, createdAt: occurredAt, createdBy: actor, ...(expiresAt && { expiresAt }) };
    const versions = { ...without(secret.versions, pruned), [version]: { status: 'live' as const, ...written } };
    return { ...secret, currentVersion: version, versions };
  },
  'secret.versions_deleted': (secret, { data, occurredAt: deletedAt }) =>
    changed(secret, data, (version) =>
      version.status === 'live' ? { ...version, status: 'deleted', deletedAt } : version,
    ),
  'secret.versions_restored': (secret, { data }) =>
    changed(secret, data, (version) => (version.status === 'destroyed' ? version : restored(version))),
  'secret.versions_destroyed': (secret, { data, occurredAt: destroyedAt }) =>
    changed(secret, data, (version) =>
      version.status === 'destroyed' ? version : { ...version, status: 'destroyed', destroyedAt },
    ),
  'secret.metadata_changed': (secret, { data }) => {
    const { maxVersions, casRequired, deleteVersionAfterSeconds, customMetadata } = data as SecretMetadataChanged;
    return { ...secret, maxVersions, casRequired, deleteVersionAfterSeconds, customMetadata };
  },
};

function without(versions: PresentSecret['versions'], gone: readonly number[]): PresentSecret['versions'] {
  if (gone.length === 0) return versions;
  const numbers = new Set(gone.map(String));
  return Object.fromEntries(Object.entries(versions).filter(([version]) => !numbers.has(version)));
}

/** Also one that had expired: it is asked for again. */
function restored({ digest, createdAt, createdBy }: VersionState): VersionState {
  return { status: 'live', digest, createdAt, createdBy };
}

function changed(
  secret: PresentSecret,
  data: Envelope['data'],
  change: (version: VersionState) => VersionState,
): PresentSecret {
  const touched = new Set((data as SecretVersionsDeleted).versions.map(String));
  const entries = Object.entries(secret.versions);
  const versions = Object.fromEntries(entries.map(([n, one]) => [n, touched.has(n) ? change(one) : one]));
  return { ...secret, versions };
}

function evolve(secret: Secret, event: SecretEvent): Secret {
  if (event.type === 'secret.forgotten') return { status: 'absent' };
  const fold = folds[event.type];
  if (!fold) return secret;
  const { secretId } = event.data as { secretId: string };
  const before = secret.status === 'present' ? secret : empty(secretId, event.occurredAt);
  return { ...fold(before, event), updatedAt: event.occurredAt };
}

export const secretDecider = { initialState: { status: 'absent' } as Secret, evolve } satisfies Decider<Secret>;

/** The text of a state that the vault keeps beside the log, and whose digest every event of the log holds. */
export function stateText(secret: Secret): string {
  if (secret.status === 'absent') return canonicalJson(secret);
  const { versions, ...rest } = secret;
  const members = Object.keys(versions).sort();
  const texts = members.map((number) => `"${number}":${textOfVersion(versions[number] as VersionState)}`);
  // Canonical JSON sorts by name, and "versions" is the last of a secret's.
  return `${canonicalJson(rest).slice(0, -1)},"versions":{${texts.join(',')}}}`;
}

// A state is written anew with each version, and all others in it are the same as before.
const versionTexts = new WeakMap<VersionState, string>();

function textOfVersion(version: VersionState): string {
  const known = versionTexts.get(version);
  if (known !== undefined) return known;
  const text = canonicalJson(version);
  versionTexts.set(version, text);
  return text;
}

export const sha256 = (bytes: string | Uint8Array): string => hash('sha256', bytes, 'base64url');

/** When a version stopped being readable, or undefined: deleted, or expired by `now` (Unix time in milliseconds). */
export function deletionTime(version: VersionState, now: number): string | undefined {
  if (version.status !== 'live') return version.deletedAt ?? (version as { destroyedAt?: string }).destroyedAt;
  return version.expiresAt !== undefined && Date.parse(version.expiresAt) <= now ? version.expiresAt : undefined;
}
