import type { SecretVersionWritten } from '@gatehouse/contracts';
import type { NewEvent } from '@gatehouse/event-store';
import { Refusal } from '../problems.js';
import { type Secret, type SecretSettings, unset } from '../secret.js';

export interface WriteVersion {
  /** Version that the caller has seen; 0: the secret must not exist. */
  readonly cas?: number | undefined;
  readonly expiresAt?: string | undefined;
  readonly defaults: SecretSettings;
  /** For a secret that does not exist yet. */
  readonly newSecretId: string;
  /** Unix time in milliseconds. */
  readonly now: number;
}

export interface NextVersion {
  readonly secretId: string;
  readonly version: number;
  readonly expiresAt?: string;
  readonly pruned: readonly number[];
}

export const defaultMaxVersions = 10;

/** Which version comes next, if it may. @throws Refusal `check_and_set`, `check_and_set_required` */
export function nextVersion(secret: Secret, { cas, expiresAt, defaults, newSecretId, now }: WriteVersion): NextVersion {
  const settings = secret.status === 'present' ? secret : unset;
  const current = secret.status === 'present' ? secret.currentVersion : 0;
  if (cas === undefined && (settings.casRequired || defaults.casRequired)) throw new Refusal('check_and_set_required');
  if (cas !== undefined && cas !== current) throw new Refusal('check_and_set');
  const version = current + 1;
  const limit = settings.maxVersions || defaults.maxVersions || defaultMaxVersions;
  const kept = secret.status === 'present' ? Object.keys(secret.versions).map(Number) : [];
  const ends = expiry([settings.deleteVersionAfterSeconds, defaults.deleteVersionAfterSeconds], expiresAt, now);
  return {
    secretId: secret.status === 'present' ? secret.secretId : newSecretId,
    version,
    pruned: kept.filter((old) => old <= version - limit),
    ...(ends !== undefined && { expiresAt: ends }),
  };
}

/** The earliest of what was asked for and what the settings say. */
function expiry(afterSeconds: readonly number[], asked: string | undefined, now: number): string | undefined {
  const times = afterSeconds.filter((seconds) => seconds > 0).map((seconds) => now + seconds * 1_000);
  if (asked !== undefined) times.push(Date.parse(asked));
  return times.length === 0 ? undefined : new Date(Math.min(...times)).toISOString();
}

export type VersionWritten = Omit<SecretVersionWritten, 'state' | 'pruned'> & { readonly pruned: readonly number[] };

export const versionWritten = (data: VersionWritten): NewEvent => ({
  type: 'secret.version_written',
  version: 1,
  data,
});
