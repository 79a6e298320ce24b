import type { Query } from '@gatehouse/event-store';

/** Whose reads: an identity, or one credential of it, in a span of time. */
export interface Suspect {
  readonly subject: { readonly type: string; readonly id: string };
  readonly credential?: string | undefined;
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
}

/** A version of a secret that the suspect was given. */
export interface ReachedVersion {
  readonly path: string;
  readonly secretId: string | null;
  readonly version: number;
  readonly currentVersion: number | null;
  readonly reads: number;
  readonly firstAt: Date;
  readonly lastAt: Date;
}

/** Versions that are told, at most. */
export const maxReached = 1_000;

const ofSuspect = `tenant_id = $1 and subject_type = $2 and subject_id = $3 and ($4::text is null or credential = $4)
  and ($5::timestamptz is null or occurred_at >= $5) and ($6::timestamptz is null or occurred_at < $6)`;

const valuesOf = (tenantId: string, { subject, credential, since, until }: Suspect) => [
  tenantId,
  subject.type,
  subject.id,
  credential ?? null,
  since ?? null,
  until ?? null,
];

/** What the suspect was given, the last first: one row for each version of each secret. */
export async function reachedBy(query: Query, tenantId: string, suspect: Suspect): Promise<readonly ReachedVersion[]> {
  const { rows } = await query.query<ReachedVersion>(
    `select coalesce(s.path, d.path) as path, d.secret_id as "secretId", d.version,
       s.current_version as "currentVersion", d.reads, d.first_at as "firstAt", d.last_at as "lastAt"
     from (select secret_id, path, version, count(*)::int as reads, min(occurred_at) as first_at,
         max(occurred_at) as last_at
       from disclosures where allowed and version > 0 and ${ofSuspect} group by secret_id, path, version) d
     left join secrets s on s.tenant_id = $1 and s.secret_id = d.secret_id
     order by d.last_at desc, path, d.version desc limit $7`,
    [...valuesOf(tenantId, suspect), maxReached + 1],
  );
  return rows;
}

/** How often the suspect was refused: somebody who tries doors is told apart from somebody who works. */
export async function refusalsOf(query: Query, tenantId: string, suspect: Suspect): Promise<number> {
  const { rows } = await query.query<{ refusals: number }>(
    `select count(*)::int as refusals from disclosures where not allowed and ${ofSuspect}`,
    valuesOf(tenantId, suspect),
  );
  return rows[0]?.refusals ?? 0;
}
