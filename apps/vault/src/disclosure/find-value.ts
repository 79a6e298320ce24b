import type { Query } from '@gatehouse/event-store';

/** Places and readers that are told, at most. */
export const maxListed = 100;

/** A version of a secret whose data holds a text that was looked for. */
export interface FoundVersion {
  readonly path: string;
  readonly secretId: string;
  readonly version: number;
  /** Of the secret now; null when the secret was deleted with all it had. */
  readonly currentVersion: number | null;
  readonly writtenAt: Date | null;
  readonly destroyed: boolean;
}

/** Somebody to whom the vault gave this version. */
export interface Reader {
  readonly subjectType: string;
  readonly subjectId: string;
  readonly reads: number;
  readonly firstAt: Date;
  readonly lastAt: Date;
  /** The version that the vault gave this reader last: what it most likely still uses. */
  readonly holds: number;
}

/** Which versions hold one of these fingerprints. `query` shows one tenant only. */
export async function findVersions(
  query: Query,
  tenantId: string,
  fingerprints: readonly Buffer[],
): Promise<readonly FoundVersion[]> {
  const { rows } = await query.query<FoundVersion>(
    `select f.path, f.secret_id as "secretId", f.version, s.current_version as "currentVersion",
       v.created_at as "writtenAt", v.ciphertext is null as destroyed
     from (select distinct path, secret_id, version, tenant_id from value_fingerprints
       where tenant_id = $1 and fingerprint = any($2::bytea[])) f
     left join secrets s on s.tenant_id = f.tenant_id and s.secret_id = f.secret_id
     left join secret_versions v on v.tenant_id = f.tenant_id and v.secret_id = f.secret_id and v.version = f.version
     order by f.path collate "C", f.version desc limit $3`,
    [tenantId, fingerprints, maxListed + 1],
  );
  return rows;
}

/** To whom the vault gave one version, the last reader first. */
export async function readersOf(
  query: Query,
  tenantId: string,
  { secretId, version }: Pick<FoundVersion, 'secretId' | 'version'>,
): Promise<readonly Reader[]> {
  const { rows } = await query.query<Reader>(
    `select subject_type as "subjectType", subject_id as "subjectId",
       (count(*) filter (where version = $3))::int as reads,
       min(occurred_at) filter (where version = $3) as "firstAt",
       max(occurred_at) filter (where version = $3) as "lastAt",
       (array_agg(version order by occurred_at desc, decision_id desc))[1] as holds
     from disclosures where tenant_id = $1 and secret_id = $2 and allowed
     group by subject_type, subject_id having count(*) filter (where version = $3) > 0
     order by "lastAt" desc, subject_id limit $4`,
    [tenantId, secretId, version, maxListed],
  );
  return rows;
}
