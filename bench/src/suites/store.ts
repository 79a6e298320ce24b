import {
  eventTablesSql,
  GroupCommit,
  openPool,
  PostgresEventStore,
  rolesSql,
  writeEvent,
} from '@gatehouse/event-store';
import { startTestPostgres } from '@gatehouse/testing';
import pg from 'pg';
import { type Row, rate, ratioOf } from '../report.js';

const password = 'bench-password';
const context = {
  tenantId: 'bench',
  actor: { type: 'service', id: 'bench' },
  now: Date.now(),
  correlationId: '0'.repeat(32),
};
const event = { type: 'bench.done', version: 1, data: { text: 'x'.repeat(400) } };

/** Appends beside what the same PostgreSQL does with one row a commit, fsync on. */
export async function store(): Promise<readonly Row[]> {
  const postgres = await startTestPostgres({ durable: true });
  const url = await postgres.createDatabase('bench');
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  await admin.query(rolesSql('bench', { request: password, system: password }));
  await admin.query(eventTablesSql('bench'));
  await admin.query('create table plain (id bigserial primary key, body text)');
  const pools = {
    admin: new pg.Pool({ connectionString: url, max: 16 }),
    request: openPool({ url: postgres.urlOf('bench', 'gatehouse_bench'), max: 16, applicationName: 'bench' }),
    system: openPool({ url: postgres.urlOf('bench', 'gatehouse_bench_system'), max: 4, applicationName: 'bench' }),
  };
  try {
    return await measure(pools);
  } finally {
    await admin.end();
    await Promise.all(Object.values(pools).map((pool) => pool.end()));
    await postgres.stop();
  }
}

async function measure(pools: Record<'admin' | 'request' | 'system', pg.Pool>): Promise<readonly Row[]> {
  const body = 'x'.repeat(800);
  const commit = () => pools.admin.query('insert into plain (body) values ($1)', [body]);
  const events = new PostgresEventStore({ service: 'bench', pool: pools.request });
  let stream = 0;
  const append = () => events.append(`bench:${++stream}`, [event], { expectedRevision: 0, context });
  const group = new GroupCommit({ service: 'bench', pool: pools.system, maxQueue: 100_000 });
  const record = () => group.append(writeEvent(event, `bench:g${++stream}`, 1, context));
  const limit1 = await perSecond(commit, 1, 2_000);
  const limit16 = await perSecond(commit, 16, 8_000);
  const append1 = await perSecond(append, 1, 1_000);
  const append16 = await perSecond(append, 16, 4_000);
  const group64 = await perSecond(record, 64, 40_000);
  const group1000 = await perSecond(record, 1_000, 100_000);
  return [
    { name: 'one row a commit, 1 connection', value: rate(limit1) },
    { name: 'one row a commit, 16 connections', value: rate(limit16) },
    { name: 'append, 1 at a time', value: rate(append1), ratio: ratioOf(append1, limit1), against: 'one row a commit' },
    {
      name: 'append, 16 at a time',
      value: rate(append16),
      ratio: ratioOf(append16, limit16),
      against: 'one row a commit, 16',
    },
    {
      name: 'group commit, 64 waiting',
      value: rate(group64),
      ratio: ratioOf(group64, limit16),
      against: 'one row a commit, 16',
    },
    {
      name: 'group commit, 1,000 waiting',
      value: rate(group1000),
      ratio: ratioOf(group1000, limit16),
      against: 'one row a commit, 16',
    },
  ];
}

/** Keeps `width` calls under way until `total` are done. */
async function perSecond(work: () => Promise<unknown>, width: number, total: number): Promise<number> {
  let left = total;
  const startedAt = performance.now();
  const worker = async () => {
    while (left-- > 0) await work();
  };
  await Promise.all(Array.from({ length: width }, worker));
  return total / ((performance.now() - startedAt) / 1_000);
}
