import { parsePosition } from '@gatehouse/contracts';
import type { CompiledPolicy } from '@gatehouse/evaluator';
import type pg from 'pg';
import type { AreaContext } from '../area.js';
import { builtinPolicy } from '../role/roles.js';
import { VersionUnusable } from '../version/compiled-versions.js';
import type { ActiveGrant, TightenSources } from './tighten.js';

const grantPage = 1_000;

/** What a simulation reads of this service: always as the system role, always of one tenant by condition. */
export function simulationSources({ platform, facts, past, policies }: AreaContext): TightenSources {
  const query = platform.database.system;
  return {
    query,
    position: () => facts.position,
    past: async (tenantId, organizations) => {
      const loaded = await past.load(tenantId, organizations);
      return (position) => loaded.at(parsePosition(position));
    },
    version: async (tenantId, digest): Promise<CompiledPolicy | undefined> => {
      if (digest === builtinPolicy.digest) return builtinPolicy;
      try {
        return await policies.versionOf(tenantId, digest);
      } catch (error) {
        // For instance the built-in roles of an earlier release.
        if (error instanceof VersionUnusable) return undefined;
        throw error;
      }
    },
    activeGrants: (tenantId) => activeGrants(query, tenantId),
  };
}

interface GrantRow {
  readonly grant_id: string;
  readonly subject_type: string;
  readonly subject_id: string;
  readonly role: string;
  readonly scope: string;
  readonly granted_at: Date;
}

async function* activeGrants(query: pg.Pool, tenantId: string): AsyncGenerator<ActiveGrant> {
  for (let after = ''; ; ) {
    const { rows } = await query.query<GrantRow>(
      `select grant_id, subject_type, subject_id, role, scope, granted_at from grants
       where tenant_id = $1 and active and grant_id > $2 order by grant_id limit $3`,
      [tenantId, after, grantPage],
    );
    for (const row of rows) {
      yield {
        grantId: row.grant_id,
        subject: { type: row.subject_type, id: row.subject_id },
        role: row.role,
        scope: row.scope,
        grantedAt: row.granted_at.toISOString(),
      };
    }
    const last = rows.at(-1);
    if (!last || rows.length < grantPage) return;
    after = last.grant_id;
  }
}
