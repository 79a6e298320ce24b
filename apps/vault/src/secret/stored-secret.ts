import type { Envelope } from '@gatehouse/contracts';
import { messageCode, type Pepper } from '@gatehouse/crypto';
import { type Secret, type SecretSettings, sha256 } from './secret.js';

/** Name of the engine that secrets live in; the KV dialect mounts it under this name. */
export const mount = 'secret/';

/** Stream of the secret at a path: a keyed hash, because the id of a stream is told to everybody who reads the log. */
export const secretStream = (pepper: Pepper, tenantId: string, path: string): string =>
  `secret:${messageCode(pepper, 'vault.secret-stream', JSON.stringify([tenantId, mount + path]))}`;

/** Rows of one secret and the last event of its stream, as PostgreSQL has them: believed after {@link verified} only. */
export interface StoredRow {
  readonly stream_id: string;
  readonly revision: number | null;
  readonly envelope: string | null;
  readonly path: string | null;
  readonly state: string | null;
  readonly custom_metadata: string | null;
}

/** The same with the tenant's defaults, for a write. */
export interface LoadedRow extends StoredRow {
  readonly max_versions: number | null;
  readonly cas_required: boolean | null;
  readonly delete_version_after_seconds: number | null;
}

export const defaultsOf = (row: LoadedRow): SecretSettings => ({
  maxVersions: row.max_versions ?? 0,
  casRequired: row.cas_required ?? false,
  deleteVersionAfterSeconds: row.delete_version_after_seconds ?? 0,
});

/** What rows and log disagree in. */
export type Finding =
  | 'state_missing'
  | 'state_without_log'
  | 'state_changed'
  | 'path_changed'
  | 'metadata_changed'
  | 'version_missing'
  | 'version_unexpected'
  | 'version_changed'
  | 'content_changed'
  | 'not_authentic';

/** The rows are not what the log says. `version` 0: those of the whole secret. */
export class IntegrityViolation extends Error {
  constructor(
    readonly finding: Finding,
    readonly version = 0,
    cause?: unknown,
  ) {
    super(`rows of a secret differ from the log: ${finding}`, { cause });
    this.name = 'IntegrityViolation';
  }
}

export interface StoredSecret {
  readonly secret: Secret;
  /** Of the stream. */
  readonly revision: number;
  /** JSON; its digest is in the state. */
  readonly customMetadata: string | null;
}

/**
 * The state in the row, if the last event of the stream vouches for it: that holds the digest of the state after it, so
 * neither a changed state nor an earlier one passes.
 *
 * @throws IntegrityViolation
 */
export function verified(row: StoredRow, path: string): StoredSecret {
  const last = row.envelope === null ? undefined : (JSON.parse(row.envelope) as Envelope);
  const isAbsent = last === undefined || last.type === 'secret.forgotten';
  if (row.state === null || isAbsent) {
    if (row.state !== null) throw new IntegrityViolation('state_without_log');
    if (!isAbsent) throw new IntegrityViolation('state_missing');
    return { secret: { status: 'absent' }, revision: row.revision ?? 0, customMetadata: null };
  }
  if (sha256(row.state) !== last.data.state) throw new IntegrityViolation('state_changed');
  if (row.path !== path) throw new IntegrityViolation('path_changed');
  const secret = JSON.parse(row.state) as Secret;
  return { secret, revision: row.revision ?? 0, customMetadata: row.custom_metadata };
}
