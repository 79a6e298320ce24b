import type { Pepper } from '@gatehouse/crypto';
import { asTenant } from '@gatehouse/event-store';
import type pg from 'pg';
import { referenceOf } from '../secret/path.js';
import { secretStream } from '../secret/stored-secret.js';
import type { LintFinding, WantedReference } from './wanted-references.js';

/** A reference and the secret it means. */
export interface ResolvedReference {
  readonly path: string;
  /** Stream of the secret, whether or not it is there. */
  readonly secret: string;
  readonly exists: boolean;
}

/** sealed: nobody references it; referenced; mounted: somebody reads it from a file. */
export type SecretUse = 'sealed' | 'referenced' | 'mounted';

export interface SecretState {
  readonly path: string;
  readonly reference: string | null;
  readonly exists: boolean;
  readonly currentVersion: number;
  readonly state: SecretUse;
  readonly consumers: number;
}

export interface ConsumerView {
  readonly kind: string;
  readonly id: string;
  readonly scope: string;
  readonly registeredAt: string;
  readonly registeredBy: { readonly type: string; readonly id: string };
  readonly mountedVersion: number | null;
  readonly mountedAt: string | null;
}

interface StateRow {
  readonly secret_stream: string;
  readonly path: string | null;
  readonly current_version: number | null;
  readonly consumers: string;
  readonly mounted: string;
}

/** What is known of who uses which secret. Names and numbers: nothing is opened here. */
export class Consumers {
  constructor(
    private readonly pool: pg.Pool,
    private readonly pepper: Pepper,
  ) {}

  /** The secrets that are meant, and what is wrong with some: not there, of somebody else, or not one. */
  async resolve(
    tenantId: string,
    wanted: readonly WantedReference[],
  ): Promise<{ readonly resolved: readonly ResolvedReference[]; readonly findings: readonly LintFinding[] }> {
    const resolved: ResolvedReference[] = [];
    const findings: LintFinding[] = [];
    const known = await this.#known(tenantId, wanted);
    for (const one of wanted) {
      const path = one.kind === 'name' ? one.path : known.byUri.get(one.text);
      const finding = this.#finding(tenantId, one, known);
      if (finding) findings.push({ path: `secret.${one.text}`, ...finding });
      if (typeof path !== 'string') continue;
      const secret = secretStream(this.pepper, tenantId, path);
      resolved.push({ path, secret, exists: known.paths.has(path) });
    }
    return { resolved: [...new Map(resolved.map((one) => [one.secret, one])).values()], findings };
  }

  #finding(tenantId: string, one: WantedReference, known: Known): Omit<LintFinding, 'path'> | undefined {
    if (one.kind === 'uri' && one.tenantId !== tenantId)
      return { code: 'secret_foreign', message: 'is a secret of another tenant' };
    const path = one.kind === 'name' ? one.path : known.byUri.get(one.text);
    if (typeof path === 'object')
      return { code: 'reference_ambiguous', message: `means more than one secret: ${path.join(', ')}` };
    if (path === undefined || !known.paths.has(path))
      return { code: 'secret_unknown', message: 'there is no such secret' };
    return undefined;
  }

  async #known(tenantId: string, wanted: readonly WantedReference[]): Promise<Known> {
    const names = wanted.flatMap((one) => (one.kind === 'name' ? [one.path] : []));
    const uris = wanted.flatMap((one) => (one.kind === 'uri' && one.tenantId === tenantId ? [one] : []));
    const { rows } = await asTenant(this.pool, tenantId, (client) =>
      client.query<{ path: string; scope: string; reference_name: string }>(
        `select path, scope, reference_name from secrets
         where tenant_id = $1 and current_version > 0 and (path = any($2::text[])
           or (scope, reference_name) in (select * from unnest($3::text[], $4::text[])))`,
        [tenantId, names, uris.map(({ scope }) => scope), uris.map(({ name }) => name)],
      ),
    );
    const byUri = new Map<string, string | readonly string[]>();
    for (const { text, scope, name } of uris) {
      const paths = rows.filter((row) => row.scope === scope && row.reference_name === name).map(({ path }) => path);
      if (paths.length > 0) byUri.set(text, paths.length === 1 ? (paths[0] as string) : paths);
    }
    return { paths: new Set(rows.map(({ path }) => path)), byUri };
  }

  /** States of these secrets, in the order of their paths. */
  async statesOf(tenantId: string, secrets: readonly ResolvedReference[]): Promise<SecretState[]> {
    const rows = await this.#states(
      tenantId,
      'select unnest($2::text[]) as secret_stream',
      secrets.map(({ secret }) => secret),
    );
    const found = new Map(rows.map((row) => [row.secret_stream, row]));
    return secrets
      .map(({ path, secret }) => this.#stateOf(tenantId, path, found.get(secret)))
      .sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** All secrets below a prefix, a page at a time. */
  async overview(tenantId: string, prefix: string, after: string, limit: number): Promise<SecretState[]> {
    const below = prefix === '' ? '' : `${prefix}/`;
    const rows = await this.#states(
      tenantId,
      `select stream_id as secret_stream from secrets where tenant_id = $1 and starts_with(path, $2) and path > $3
       order by path limit $4`,
      below,
      after,
      limit,
    );
    return rows
      .flatMap((row) => (row.path === null ? [] : [this.#stateOf(tenantId, row.path, row)]))
      .sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  #stateOf(tenantId: string, path: string, row: StateRow | undefined): SecretState {
    const consumers = Number(row?.consumers ?? 0);
    const state = Number(row?.mounted ?? 0) > 0 ? 'mounted' : consumers > 0 ? 'referenced' : 'sealed';
    const currentVersion = row?.current_version ?? 0;
    const reference = referenceOf(tenantId, path);
    return { path, reference, exists: currentVersion > 0, currentVersion, state, consumers };
  }

  async #states(tenantId: string, wanted: string, ...values: readonly unknown[]): Promise<StateRow[]> {
    const { rows } = await asTenant(this.pool, tenantId, (client) =>
      client.query<StateRow>(
        `with wanted as (${wanted})
         select w.secret_stream, s.path, s.current_version, count(r.stream_id)::text as consumers,
           count(r.mounted_version)::text as mounted
         from wanted w
         left join secrets s on s.tenant_id = $1 and s.stream_id = w.secret_stream
         left join consumer_references r on r.tenant_id = $1 and r.secret_stream = w.secret_stream
         group by w.secret_stream, s.path, s.current_version`,
        [tenantId, ...values],
      ),
    );
    return rows;
  }

  /** Who uses a secret. */
  async usersOf(tenantId: string, path: string, limit: number): Promise<ConsumerView[]> {
    const { rows } = await asTenant(this.pool, tenantId, (client) =>
      client.query<ConsumerRow>(
        `select c.*, r.mounted_version, r.mounted_at from consumer_references r
         join consumers c on c.tenant_id = r.tenant_id and c.stream_id = r.stream_id
         where r.tenant_id = $1 and r.secret_stream = $2 order by c.kind, c.consumer_id, c.scope limit $3`,
        [tenantId, secretStream(this.pepper, tenantId, path), limit],
      ),
    );
    return rows.map(viewOf);
  }

  /** Streams of the secrets that a consumer references; none when it is not registered. */
  async secretsOf(tenantId: string, consumer: string): Promise<ReadonlyMap<string, string>> {
    const { rows } = await asTenant(this.pool, tenantId, (client) =>
      client.query<{ secret_stream: string; path: string }>(
        `select r.secret_stream, coalesce(s.path, r.path) as path from consumer_references r
         left join secrets s on s.tenant_id = r.tenant_id and s.stream_id = r.secret_stream
         where r.tenant_id = $1 and r.stream_id = $2`,
        [tenantId, consumer],
      ),
    );
    return new Map(rows.map((row) => [row.secret_stream, row.path]));
  }
}

interface Known {
  readonly paths: ReadonlySet<string>;
  /** Several paths: the reference is ambiguous. */
  readonly byUri: ReadonlyMap<string, string | readonly string[]>;
}

interface ConsumerRow {
  readonly kind: string;
  readonly consumer_id: string;
  readonly scope: string;
  readonly registered_at: Date;
  readonly registered_by_type: string;
  readonly registered_by_id: string;
  readonly mounted_version: number | null;
  readonly mounted_at: Date | null;
}

const viewOf = (row: ConsumerRow): ConsumerView => ({
  kind: row.kind,
  id: row.consumer_id,
  scope: row.scope,
  registeredAt: row.registered_at.toISOString(),
  registeredBy: { type: row.registered_by_type, id: row.registered_by_id },
  mountedVersion: row.mounted_version,
  mountedAt: row.mounted_at?.toISOString() ?? null,
});
