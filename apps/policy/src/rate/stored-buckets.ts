import { type Query, tenantTableSql } from '@gatehouse/event-store';
import type { Bucket } from './bucket.js';

/**
 * Where all replicas count: one row a bucket. `full_us` (microseconds since 1970) is when it is full again, and says all
 * there is to say of a bucket: it lacks `(full_us - now) / interval` tokens. The rest of the row is the last question
 * and its answer. Rows of full buckets mean nothing and are removed.
 */
export const rateBucketsSql = (service: string): string => `
  create table ${service}.rate_buckets (
    key text primary key,
    tenant_id text not null,
    interval_us bigint not null check (interval_us > 0),
    burst bigint not null check (burst > 0),
    wanted bigint not null,
    granted bigint not null,
    at_us bigint not null,
    full_us bigint not null
  ) with (fillfactor = 50);
  ${tenantTableSql(service, 'rate_buckets')}`;

/** Tokens asked of a bucket; a negative number gives back. */
export interface Demand {
  readonly bucket: Bucket;
  readonly wanted: number;
}

export interface Grant {
  readonly granted: number;
  /** The server's time, and when the bucket is full again; microseconds. */
  readonly atUs: number;
  readonly fullUs: number;
}

const us = 'floor(extract(epoch from clock_timestamp()) * 1000000)::bigint';

// What a bucket has at `at_us`: all of it, without what it gained since it was last touched.
const granted = `least(excluded.wanted, greatest(0,
  (excluded.at_us + excluded.burst * excluded.interval_us - greatest(b.full_us, excluded.at_us)) / excluded.interval_us))`;

const takeText = `
  insert into rate_buckets as b (key, tenant_id, interval_us, burst, wanted, granted, at_us, full_us)
  select key, tenant_id, interval_us, burst, wanted, least(wanted, burst), at_us, at_us + least(wanted, burst) * interval_us
  from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[])
         as t(key, tenant_id, interval_us, burst, wanted),
       (select coalesce($6::bigint, ${us}) as at_us) now
  -- In one order everywhere: two replicas that want the same rows then wait for each other instead of deadlocking.
  order by key
  on conflict (key) do update set
    wanted = excluded.wanted, at_us = excluded.at_us, granted = ${granted},
    full_us = greatest(b.full_us, excluded.at_us) + ${granted} * excluded.interval_us
  returning key, granted, at_us, full_us`;

interface Row {
  readonly key: string;
  readonly granted: string;
  readonly at_us: string;
  readonly full_us: string;
}

/** Longer than a statement of one round trip takes; then the caller is told that nothing can be decided. */
const answerWithinMs = 3_000;

/**
 * Takes tokens for every demand, each as many as there are up to those wanted: one statement, one commit, by the
 * server's clock. Each bucket at most once.
 *
 * @param atUs another time than the server's: for tests
 */
export async function takeTokens(
  query: Query,
  demands: readonly Demand[],
  atUs?: number,
): Promise<ReadonlyMap<string, Grant>> {
  const column = (pick: (demand: Demand) => string | number) => demands.map(pick);
  const statement = {
    name: 'rate-take',
    text: takeText,
    values: [
      column(({ bucket }) => bucket.key),
      column(({ bucket }) => bucket.tenantId),
      column(({ bucket }) => bucket.intervalUs),
      column(({ bucket }) => bucket.burst),
      column(({ wanted }) => wanted),
      atUs ?? null,
    ],
    query_timeout: answerWithinMs,
  };
  const { rows } = await query.query<Row>(statement);
  return new Map(
    rows.map((row) => [
      row.key,
      { granted: Number(row.granted), atUs: Number(row.at_us), fullUs: Number(row.full_us) },
    ]),
  );
}

/** Removes the rows of full buckets, a bounded number at a time. A row that is touched meanwhile stays. */
export const removeFullBuckets = (query: Query) =>
  query.query(`delete from rate_buckets where full_us < ${us} and key in
    (select key from rate_buckets where full_us < ${us} limit 20000)`);
