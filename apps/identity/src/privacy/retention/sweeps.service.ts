import type pg from 'pg';
import type { Retention } from '../../area.js';
import type { ExportRows } from '../export/export-rows.service.js';

/** Rows that one statement removes at most. */
const pageSize = 1_000;

/** Tables whose rows are of use for a time only: the column that says when a row was last of any. */
const tables = [
  { kind: 'sign_in_failures', table: 'sign_in_failures', column: 'last_at', defaultDays: 90 },
  { kind: 'known_networks', table: 'known_places', column: 'last_at', defaultDays: 180 },
  { kind: 'key_places', table: 'alert_places', column: 'first_at', defaultDays: 365 },
  { kind: 'letters', table: 'mail_queue', column: 'created_at', defaultDays: 7 },
] as const;

const bySweep = (pool: pg.Pool, table: string, column: string) => async (before: Date) => {
  const { rowCount } = await pool.query(
    `delete from ${table} where ctid = any (array(select ctid from ${table} where ${column} < $1 limit ${pageSize}))`,
    [before],
  );
  return rowCount ?? 0;
};

/** What this area keeps or finds in the tables of others. */
export function sweepsOf(pool: pg.Pool, exports: ExportRows): readonly Retention[] {
  return [
    ...tables.map(({ kind, table, column, defaultDays }) => ({
      kind,
      defaultDays,
      sweep: bySweep(pool, table, column),
    })),
    {
      kind: 'exports',
      defaultDays: 30,
      sweep: async (before) => {
        // By their own time, which is shorter; what is swept later is only that there was one.
        await exports.removeExpiredArchives(new Date());
        return exports.remove({ endedBefore: before });
      },
    },
  ];
}
