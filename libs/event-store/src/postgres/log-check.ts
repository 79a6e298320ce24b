import type { Query } from './database.js';

/** The log holds transaction ids that this PostgreSQL has not handed out yet. */
export class LogAheadOfServer extends Error {
  constructor(last: string, next: string) {
    super(
      `the event log was written up to transaction ${last}, but this PostgreSQL is only at ${next}: it was restored or ` +
        'moved without its transaction counter. New events would sort before old ones and be skipped by every reader. ' +
        'Restore a physical copy (pg_basebackup, snapshot), or raise the counter with pg_resetwal --next-transaction-id.',
    );
    this.name = 'LogAheadOfServer';
  }
}

/**
 * To be called at start, as the system role. Positions are made of transaction ids, and those of a dump that was loaded
 * into a new cluster start again from a low number.
 *
 * @throws LogAheadOfServer
 */
export async function assertLogNotAhead(query: Query): Promise<void> {
  const { rows } = await query.query<{ last: string; next: string; ahead: boolean }>(
    `select l.tx::text as last, s.next::text as next, l.tx >= s.next as ahead
     from (select greatest((select tx from events order by tx desc limit 1), (select tx from outbox)) as tx) l,
          (select pg_snapshot_xmax(pg_current_snapshot()) as next) s`,
  );
  const row = rows[0];
  if (row?.ahead) throw new LogAheadOfServer(row.last, row.next);
}
