import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { startWholeStack, type WholeStack } from './whole-stack.fixture.js';

/** The whole product as `npm start` runs it, under load, while its processes are killed one after the other. */

let stack: WholeStack;
/** That of the stack ends when PostgreSQL is killed. */
let database: pg.Client;

beforeAll(async () => {
  stack = await startWholeStack('chaos');
  await connect();
});
afterAll(async () => {
  await database.end();
  await stack.stop();
});

async function connect(): Promise<void> {
  const { host, port, user, password } = stack.database;
  const client = new pg.Client({ host, port, ...(user && { user }), password: password ?? '', database: 'gatehouse' });
  client.on('error', () => undefined);
  await client.connect();
  database = client;
}

const numbers = async (sql: string): Promise<number[]> => {
  const { rows } = await database.query({ text: sql, rowMode: 'array' });
  return rows.map((row: unknown[]) => Number(row[0]));
};
const one = async (sql: string): Promise<number> => (await numbers(sql))[0] ?? 0;

const logs = ['identity', 'policy', 'vault', 'registry', 'relay', 'audit'];
const stored = `(${logs.map((name) => `select id from ${name}.events`).join(' union all ')})`;
const missing = () =>
  one(`select count(*) from ${stored} s where not exists (select from audit.entries e where e.event_id = s.id)`);

describe('kill -9 of every process, under load', () => {
  const answered: string[] = [];
  const inBatches: { id: string; decision: boolean }[] = [];
  const keysMade: string[] = [];

  it('answers go on, and nothing acknowledged is missing or doubled in the ledger', async () => {
    let running = true;
    const headers = { authorization: `Bearer ${stack.operatorKey}`, 'content-type': 'application/json' };
    const body = JSON.stringify({
      subject: { type: 'user', id: 'u-1' },
      action: { name: 'logs.read' },
      resource: { type: 'runtime', id: 'app-web' },
    });
    const post = async (path: string, text: string, offset: number) => {
      const url = `http://127.0.0.1:${stack.portBase + offset}${path}`;
      const response = await fetch(url, { method: 'POST', headers, body: text }).catch(() => undefined);
      return response?.ok
        ? ((await response.json().catch(() => undefined)) as Record<string, never> | undefined)
        : undefined;
    };
    const decider = async () => {
      while (running) {
        const answer = (await post('/access/v1/evaluation', body, 1)) as { context?: { id: string } } | undefined;
        if (answer?.context) answered.push(answer.context.id);
        else await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    const batch = JSON.stringify({
      ...JSON.parse(body),
      evaluations: [{}, { action: { name: 'billing.manage' } }, {}],
    });
    const batchDecider = async () => {
      while (running) {
        const answer = (await post('/access/v1/evaluations', batch, 1)) as
          | { evaluations?: { decision: boolean; context: { id: string } }[] }
          | undefined;
        if (answer?.evaluations) inBatches.push(...answer.evaluations.map((item) => ({ ...item.context, ...item })));
        else await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    const keyMaker = async () => {
      for (let i = 0; running; i++) {
        const made = (await post('/api/v1/identity/keys', JSON.stringify({ name: `chaos-${i}` }), 0)) as
          | { keyId?: string }
          | undefined;
        if (made?.keyId) keysMade.push(made.keyId);
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
    };
    const load = Promise.all([...Array.from({ length: 8 }, decider), batchDecider(), batchDecider(), keyMaker()]);

    const victims = [
      'apps/policy/',
      'apps/audit/',
      'nats-server',
      'apps/identity/',
      'bin/postgres',
      'apps/audit/',
      'apps/policy/',
    ];
    for (const victim of victims) {
      const before = answered.length;
      await waitFor(() => answered.length > before + 50, {
        timeoutMs: 60_000,
        message: `decisions flow before ${victim}`,
      });
      const [pid] = stack.pidsOf(victim);
      expect(pid).toBeDefined();
      process.kill(pid ?? 0, 'SIGKILL');
      await waitFor(() => stack.pidsOf(victim).some((other) => other !== pid), {
        timeoutMs: 60_000,
        message: `${victim} is back`,
      });
    }
    const before = answered.length;
    await waitFor(() => answered.length > before + 50, { timeoutMs: 60_000, message: 'decisions flow at the end' });
    running = false;
    await load;
    await connect();

    await waitFor(async () => (await missing()) === 0, {
      timeoutMs: 90_000,
      message: 'the ledger has every stored event',
    });
    const { rows } = await database.query(
      `select event_id from audit.entries where type in ('decision.recorded', 'key.created')`,
    );
    const entered = new Set(rows.map((row: { event_id: string }) => row.event_id));
    expect(answered.filter((id) => !entered.has(id))).toEqual([]);
    const { rows: batches } = await database.query(
      `select event_id, n - 1 as n, (item ->> 'decision')::boolean as decision from audit.entries,
         json_array_elements(envelope::json -> 'data' -> 'items') with ordinality as items(item, n)
       where type = 'decisions.recorded'`,
    );
    const items = new Map(batches.map(({ event_id, n, decision }) => [`${event_id}.${n}`, decision]));
    expect(inBatches.filter(({ id, decision }) => items.get(id) !== decision)).toEqual([]);
    expect(inBatches.length).toBeGreaterThan(100);
    const keys = await database.query(
      `select envelope::json -> 'data' ->> 'keyId' as id from audit.entries where type = 'key.created'`,
    );
    const enteredKeys = new Set(keys.rows.map((row: { id: string }) => row.id));
    expect(keysMade.filter((id) => !enteredKeys.has(id))).toEqual([]);
    expect(answered.length).toBeGreaterThan(300);
    expect(keysMade.length).toBeGreaterThan(0);
  }, 420_000);

  it('leaves a ledger without a gap, with each event once, whose checkpoints all fit', async () => {
    expect(await one('select count(*) - count(distinct event_id) from audit.entries')).toBe(0);
    expect(await one('select count(*) - (max(idx) + 1) from audit.entries')).toBe(0);
    expect(
      await one(
        `select count(*) from audit.entries e where not exists (select from ${stored} s where s.id = e.event_id)`,
      ),
    ).toBe(0);
    const sizes = await numbers('select size from audit.checkpoints order by signed_at');
    expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
    const parked = await one('select count(*) from policy.parked_events');
    expect(parked).toBe(0);
  });

  it('gives policy the same facts and identity the same keys as a fold of their logs', async () => {
    const grants = await one('select count(*) from policy.grants where active');
    const granted = await one(`select count(*) from policy.events where type = 'role.granted'`);
    expect(grants).toBe(granted);
    for (const service of ['identity', 'policy', 'audit']) {
      const known = `select count(*) from ${service}.known_keys`;
      const created = `select count(*) from identity.events where type = 'key.created'`;
      await waitFor(async () => (await one(known)) === (await one(created)), {
        timeoutMs: 30_000,
        message: `${service} knows every key`,
      });
    }
  });
});
