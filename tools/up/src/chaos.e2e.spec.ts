import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startWholeStack, type WholeStack } from './whole-stack.fixture.js';

/** The whole product as `npm start` runs it, under load, while its processes are killed one after the other. */

let stack: WholeStack;

beforeAll(async () => {
  stack = await startWholeStack('chaos');
}, 120_000);
afterAll(() => stack.stop());

const numbers = async (sql: string): Promise<number[]> => {
  const { rows } = await stack.database.query({ text: sql, rowMode: 'array' });
  return rows.map((row: unknown[]) => Number(row[0]));
};
const one = async (sql: string): Promise<number> => (await numbers(sql))[0] ?? 0;

const stored = `(select id from identity.events union all select id from policy.events union all select id from audit.events)`;
const missing = () =>
  one(`select count(*) from ${stored} s where not exists (select from audit.entries e where e.event_id = s.id)`);

describe('kill -9 of every process, under load', () => {
  const answered: string[] = [];
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
    const keyMaker = async () => {
      for (let i = 0; running; i++) {
        const made = (await post('/api/v1/identity/keys', JSON.stringify({ name: `chaos-${i}` }), 0)) as
          | { keyId?: string }
          | undefined;
        if (made?.keyId) keysMade.push(made.keyId);
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
    };
    const load = Promise.all([...Array.from({ length: 8 }, decider), keyMaker()]);

    const victims = ['apps/policy/', 'apps/audit/', 'nats-server', 'apps/identity/', 'apps/audit/', 'apps/policy/'];
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

    await waitFor(async () => (await missing()) === 0, {
      timeoutMs: 90_000,
      message: 'the ledger has every stored event',
    });
    const { rows } = await stack.database.query(
      `select event_id from audit.entries where type in ('decision.recorded', 'key.created')`,
    );
    const entered = new Set(rows.map((row: { event_id: string }) => row.event_id));
    expect(answered.filter((id) => !entered.has(id))).toEqual([]);
    const keys = await stack.database.query(
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
