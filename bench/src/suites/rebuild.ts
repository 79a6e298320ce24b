import {
  eventTablesSql,
  GroupCommit,
  openPool,
  rolesSql,
  tenantTableSql,
  Wake,
  writeEvent,
} from '@gatehouse/event-store';
import { type Projection, ProjectionRunner, projectionTablesSql, type RebuildReport } from '@gatehouse/projection';
import { startTestPostgres } from '@gatehouse/testing';
import pg from 'pg';
import { type Row, rate } from '../report.js';

const password = 'bench-password';
const context = { tenantId: 'bench', actor: { type: 'service', id: 'bench' }, correlationId: '0'.repeat(32) };

/** A statement an event, like the grants of policy: no trick that a real read model could not use. */
const balances: Projection = {
  name: 'balances',
  version: 1,
  tables: ['balances'],
  types: ['balance.moved'],
  apply: async (query, events) => {
    for (const { envelope } of events)
      await query.query({
        name: 'apply-balance',
        text: `insert into balances (tenant_id, stream_id, amount, revision) values ($1, $2, $3, $4)
               on conflict (tenant_id, stream_id) do update
                 set amount = balances.amount + excluded.amount, revision = excluded.revision`,
        values: [envelope.tenantId, envelope.streamId, envelope.data.amount, envelope.revision],
      });
  },
};

/** Folds a log into a read model while it runs, then again from the beginning, and compares the two row by row. */
export async function rebuild(events: number): Promise<readonly Row[]> {
  const postgres = await startTestPostgres({ durable: true });
  const adminUrl = await postgres.createDatabase('bench');
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  await admin.query(rolesSql('bench', { request: password, system: password }));
  await admin.query(`${eventTablesSql('bench')} ${projectionTablesSql('bench')}
    create table bench.balances (tenant_id text, stream_id text, amount bigint, revision integer, primary key (tenant_id, stream_id));
    ${tenantTableSql('bench', 'balances')}`);
  const url = postgres.urlOf('bench', 'gatehouse_bench_system');
  const pool = openPool({ url, max: 4, applicationName: 'bench' });
  await fill(new GroupCommit({ service: 'bench', pool, maxQueue: 20_000 }), events);

  const wake = new Wake({ url, channels: [] }).start();
  const runner = new ProjectionRunner({ service: 'bench', url, wake, projection: balances }).start();
  const liveMs = await until(() => runner.state.applied === events);
  await admin.query(`update bench.projection_positions set rebuild_requested = true`);
  const report = async () =>
    (await admin.query('select rebuild_requested as asked, rebuild from bench.projection_positions')).rows[0];
  await until(async () => !(await report()).asked);
  const done = (await report()).rebuild as RebuildReport;
  await runner.stop();
  await wake.stop();
  await pool.end();
  await admin.end();
  await postgres.stop();
  return [
    { name: 'events applied while running', value: rate(events / (liveMs / 1_000)) },
    {
      name: `rebuild of ${done.events} events`,
      value: `${rate(done.events / (done.durationMs / 1_000))} in ${done.durationMs} ms`,
    },
    { name: 'rows that differ from the live table', value: String(done.differences) },
  ];
}

async function fill(commits: GroupCommit, events: number): Promise<void> {
  const perStream = 10;
  for (let from = 0; from < events; from += 10_000) {
    const batch = Array.from({ length: Math.min(10_000, events - from) }, (_, i) => {
      const n = from + i;
      const event = { type: 'balance.moved', version: 1, data: { amount: (n % 97) - 48 } };
      const revision = (n % perStream) + 1;
      return commits.append(
        writeEvent(event, `balance:${(n - (n % perStream)) / perStream}`, revision, { ...context, now: Date.now() }),
      );
    });
    await Promise.all(batch);
  }
}

async function until(condition: () => boolean | Promise<boolean>): Promise<number> {
  const startedAt = performance.now();
  while (!(await condition())) {
    if (performance.now() - startedAt > 600_000) throw new Error('not done in ten minutes');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return performance.now() - startedAt;
}
