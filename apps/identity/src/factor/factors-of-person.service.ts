import type pg from 'pg';
import type { PersonalData } from '../area.js';
import type { SubjectKeys } from '../user/subject-keys.service.js';
import { type FactorRow, factorsSql } from './factor-list/factor-list.controller.js';
import { sealedAs } from './factor-rows.service.js';

const tables = ['factors', 'totp_enrolments', 'recovery_codes', 'factor_attempts', 'factor_proofs'];

export interface PersonsFactors {
  /** Connections of the system role. */
  readonly system: pg.Pool;
  readonly subjectKeys: SubjectKeys;
}

/** What a person may see of the own second factors, and how they are erased: secrets, keys and codes are never shown. */
export const factorsOfPerson = ({ system, subjectKeys }: PersonsFactors): PersonalData => ({
  kind: 'second_factors',
  read: async (userId) => {
    const { rows } = await system.query<FactorRow & { tenant_id: string }>(
      factorsSql.replace('select', 'select tenant_id,'),
      [userId],
    );
    return Promise.all(
      rows.map(async ({ tenant_id, factor_id, kind, name, created_at, last_used_at }) => ({
        factorId: factor_id,
        kind,
        name: (name && (await subjectKeys.open(system, tenant_id, sealedAs.name, name))) ?? null,
        createdAt: created_at.toISOString(),
        lastUsedAt: last_used_at?.toISOString() ?? null,
      })),
    );
  },
  erase: async (userId) => {
    let erased = 0;
    for (const table of tables) {
      const { rowCount } = await system.query(`delete from ${table} where user_id = $1`, [userId]);
      erased += rowCount ?? 0;
    }
    return erased;
  },
});
