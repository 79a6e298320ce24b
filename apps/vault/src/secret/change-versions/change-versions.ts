import type { NewEvent } from '@gatehouse/event-store';
import { Refusal } from '../problems.js';
import { deletionTime, type PresentSecret, type Secret, type VersionState } from '../secret.js';

/** Soft deletion, its reverse, and the end of the ciphertext. */
export type VersionChange = 'deleted' | 'restored' | 'destroyed';

export interface ChangeVersions {
  readonly path: string;
  readonly change: VersionChange;
  /** Absent: the current one. */
  readonly versions?: readonly number[] | undefined;
  /** Unix time in milliseconds. */
  readonly now: number;
}

const concerns: Readonly<Record<VersionChange, (version: VersionState, now: number) => boolean>> = {
  deleted: (version, now) => deletionTime(version, now) === undefined,
  restored: (version, now) => version.status !== 'destroyed' && deletionTime(version, now) !== undefined,
  destroyed: (version) => version.status !== 'destroyed',
};

/** Versions that are not there, or are so already, are passed over. @throws Refusal `not_found` */
export const changeVersions =
  ({ path, change, versions, now }: ChangeVersions) =>
  (secret: Secret): readonly NewEvent[] => {
    if (secret.status === 'absent') throw new Refusal('not_found', 'There is no such secret');
    const concerned = numbersOf(secret, versions).filter((number) => {
      const version = secret.versions[number];
      return version !== undefined && concerns[change](version, now);
    });
    if (concerned.length === 0) return [];
    const data = { path, secretId: secret.secretId, versions: concerned };
    return [{ type: `secret.versions_${change}`, version: 1, data }];
  };

const numbersOf = (secret: PresentSecret, versions: readonly number[] | undefined): readonly number[] =>
  versions === undefined ? [secret.currentVersion] : [...new Set(versions)].sort((a, b) => a - b);
