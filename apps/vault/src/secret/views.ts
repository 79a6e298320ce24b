import type { Actor } from '@gatehouse/contracts';
import { canonicalJson } from '@gatehouse/crypto';
import type { SecretData } from './content.js';
import { deletionTime, type PresentSecret, type VersionState } from './secret.js';

export type CustomMetadata = Readonly<Record<string, string>>;

/** One version, without its content. Times are RFC 3339 in UTC. */
export interface VersionView {
  readonly path: string;
  readonly version: number;
  readonly secretId: string;
  readonly createdAt: string;
  readonly createdBy: Actor;
  /** Since when it is deleted or expired; null while it can be read. */
  readonly deletedAt: string | null;
  readonly destroyed: boolean;
  readonly expiresAt: string | null;
  readonly customMetadata: CustomMetadata | null;
  /** Of the secret's stream: for `If-Match`. */
  readonly revision: number;
}

/** `data` is null for a version that is deleted, expired or destroyed. */
export interface SecretRead extends VersionView {
  readonly data: SecretData | null;
}

export type VersionSummary = Pick<VersionView, 'createdAt' | 'createdBy' | 'deletedAt' | 'destroyed' | 'expiresAt'>;

export interface MetadataView {
  readonly path: string;
  readonly secretId: string;
  /** 0 while nothing was written. */
  readonly currentVersion: number;
  readonly oldestVersion: number;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly maxVersions: number;
  readonly casRequired: boolean;
  readonly deleteVersionAfterSeconds: number;
  readonly customMetadata: CustomMetadata | null;
  readonly versions: Readonly<Record<string, VersionSummary>>;
  readonly revision: number;
}

export interface ConfigView {
  /** 0 for the default of 10. */
  readonly maxVersions: number;
  readonly casRequired: boolean;
  /** 0 for never. */
  readonly deleteVersionAfterSeconds: number;
}

/** What is known of a secret beside one version. */
export interface SecretContext {
  readonly path: string;
  readonly secret: PresentSecret;
  readonly revision: number;
  readonly customMetadata: CustomMetadata | null;
}

/** As it is stored: none is no text. */
export const textOfMetadata = (metadata: CustomMetadata | null): string | null =>
  metadata === null || Object.keys(metadata).length === 0 ? null : canonicalJson(metadata);

export const parseCustomMetadata = (text: string | null): CustomMetadata | null =>
  text === null ? null : (JSON.parse(text) as CustomMetadata);

const summaryOf = (version: VersionState, now: number): VersionSummary => ({
  createdAt: version.createdAt,
  createdBy: version.createdBy,
  deletedAt: deletionTime(version, now) ?? null,
  destroyed: version.status === 'destroyed',
  expiresAt: version.expiresAt ?? null,
});

export function versionView(of: SecretContext, number: number, version: VersionState, now: number): VersionView {
  const { path, secret, revision, customMetadata } = of;
  const { createdAt, createdBy, deletedAt, destroyed, expiresAt } = summaryOf(version, now);
  const { secretId } = secret;
  return {
    path,
    version: number,
    secretId,
    createdAt,
    createdBy,
    deletedAt,
    destroyed,
    expiresAt,
    customMetadata,
    revision,
  };
}

export function metadataView({ path, secret, revision, customMetadata }: SecretContext, now: number): MetadataView {
  const { secretId, currentVersion, createdAt, updatedAt, maxVersions, casRequired, deleteVersionAfterSeconds } =
    secret;
  const numbers = Object.keys(secret.versions).map(Number);
  const versions = Object.entries(secret.versions).map(([number, one]) => [number, summaryOf(one, now)] as const);
  return {
    path,
    secretId,
    currentVersion,
    oldestVersion: numbers.length === 0 ? 0 : Math.min(...numbers),
    createdAt,
    updatedAt,
    maxVersions,
    casRequired,
    deleteVersionAfterSeconds,
    customMetadata,
    versions: Object.fromEntries(versions),
    revision,
  };
}
