import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { startChild } from '../child.js';
import { type Figures, load, median } from '../load.js';
import { type Row, rate, ratioOf } from '../report.js';
import type { Stack } from '../stack.js';

const body = JSON.stringify({
  subject: { type: 'user', id: 'maintainer-07' },
  action: { name: 'deploy.production' },
  resource: { type: 'project', id: 'app-web' },
});

const shown = ({ perSecond, p50Ms, p99Ms, failed }: Figures): string =>
  `${rate(perSecond)}  p50 ${p50Ms} ms  p99 ${p99Ms} ms${failed ? `  ${failed} failed` : ''}`;

/** Durable decisions over HTTP beside a "hello" of the same framework: A B A B, then a minute with the ledger watched. */
export async function decisions(stack: Stack, seconds: number, soakSeconds: number): Promise<readonly Row[]> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${stack.key}` };
  const policy = { url: `${stack.services.policy}/access/v1/evaluation`, method: 'POST' as const, headers, body };
  const hello = await startChild([fileURLToPath(new URL('../hello-server.js', import.meta.url))], (line) =>
    line.startsWith('http'),
  );
  const limit = { url: hello.line, method: 'POST' as const, headers: { 'content-type': 'application/json' }, body };
  const rows: Row[] = [];
  for (const connections of [1, 64]) {
    const [ours, theirs] = [[] as Figures[], [] as Figures[]];
    for (let round = 0; round < 3; round++) {
      theirs.push(await load(limit, connections, seconds));
      ours.push(await load(policy, connections, seconds));
    }
    const helloRate = median(theirs.map((figures) => figures.perSecond));
    const middle = ours.sort((a, b) => a.perSecond - b.perSecond)[1] as Figures;
    rows.push({ name: `NestJS on Fastify hello, c=${connections}`, value: rate(helloRate) });
    rows.push({
      name: `durable decision, c=${connections}`,
      value: shown(middle),
      ratio: ratioOf(middle.perSecond, helloRate),
      against: 'hello',
    });
  }
  await hello.stop();
  const items = Array.from({ length: 50 }, (_, i) => ({ resource: { type: 'project', id: `app-${i}` } }));
  const inBatches = { ...policy, url: `${stack.services.policy}/access/v1/evaluations` };
  const fifty: Figures[] = [];
  for (let round = 0; round < 3; round++)
    fifty.push(
      await load({ ...inBatches, body: JSON.stringify({ ...JSON.parse(body), evaluations: items }) }, 16, seconds),
    );
  const middle = fifty.sort((a, b) => a.perSecond - b.perSecond)[1] as Figures;
  rows.push({
    name: 'durable decisions in batches of 50, c=16',
    value: shown({ ...middle, perSecond: middle.perSecond * 50 }),
  });
  rows.push(...(await soak(stack, policy, soakSeconds)));
  return rows;
}

/** Steady load while the ledger's lag is sampled; afterwards every answered decision must be in the ledger. */
async function soak(stack: Stack, target: Parameters<typeof load>[0], seconds: number): Promise<readonly Row[]> {
  const client = new pg.Client({ connectionString: stack.databaseUrl });
  await client.connect();
  const count = async (table: string) => {
    const { rows } = await client.query(
      `select count(*)::int as n from ${table} where type in ('decision.recorded', 'decisions.recorded')`,
    );
    return (rows[0] as { n: number }).n;
  };
  await settle(count);
  const before = await count('audit.entries');
  const lags: number[] = [];
  const sampler = setInterval(() => void ledgerLagMs(client).then((lag) => lags.push(lag)), 500);
  const figures = await load(target, 64, seconds);
  clearInterval(sampler);
  const stored = await count('policy.events');
  const waitedMs = await settle(count);
  const entered = (await count('audit.entries')) - before;
  await client.end();
  return [
    { name: `durable decision, c=64 for ${seconds} s`, value: shown(figures) },
    { name: 'ledger behind, median / worst', value: `${median(lags)} / ${Math.max(0, ...lags)} ms` },
    { name: 'ledger caught up after', value: `${waitedMs} ms` },
    { name: 'answered / in the ledger', value: `${figures.answered} / ${entered} (${stored} decisions stored in all)` },
    { name: 'answered but not in the ledger', value: `${Math.max(0, figures.answered - entered)}` },
  ];
}

/** Age of the oldest event that is stored and not in the ledger yet, by the time both tables can be read. */
async function ledgerLagMs(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ lag: number | null }>(
    `select (extract(epoch from now() - (select max(occurred_at) from audit.entries where idx = (select max(idx) from audit.entries))) * 1000)::int as lag`,
  );
  return rows[0]?.lag ?? 0;
}

async function settle(count: (table: string) => Promise<number>): Promise<number> {
  const startedAt = performance.now();
  while ((await count('audit.entries')) < (await count('policy.events'))) {
    if (performance.now() - startedAt > 120_000) throw new Error('the ledger does not catch up');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return Math.round(performance.now() - startedAt);
}
