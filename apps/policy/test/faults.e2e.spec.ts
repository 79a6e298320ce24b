import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { freePort, waitFor } from '@gatehouse/testing';
import { afterEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import {
  type PolicyStackWithServer,
  question,
  startPolicyStackWithServer,
  tenant,
  untilKnown,
} from './policy-stack.js';

let stack: PolicyStackWithServer;
let operator: string;

const start = async (settings: Record<string, string> = {}) => {
  stack = await startPolicyStackWithServer(settings);
  operator = (await stack.identity.createKey(tenant, 'operator', ['owner'])).key;
  await untilKnown(stack, operator);
};
afterEach(async () => stack.stop());

const ask = () => stack.ask(operator, 'user/u-1', 'logs.read', 'runtime/app-web');

const withDatabase = async <T>(work: (client: pg.Client) => Promise<T>): Promise<T> => {
  const client = new pg.Client({ connectionString: stack.adminUrl });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
};

const recordedIds = () =>
  withDatabase(async (client) => {
    const { rows } = await client.query(`select id from policy.events where type = 'decision.recorded'`);
    return new Set(rows.map((row: { id: string }) => row.id));
  });

const askBatch = () =>
  stack.call('/access/v1/evaluations', {
    key: operator,
    body: { ...question('user/u-1', 'logs.read', 'runtime/app-web'), evaluations: [{}, {}] },
  });

describe('PostgreSQL down', () => {
  it('answers 503 with Retry-After and never a decision, and goes on by itself', async () => {
    await start();
    expect((await ask()).status).toBe(200);
    await stack.postgres.kill9();
    for (const response of await Promise.all([ask(), askBatch(), ask()])) {
      expect(response.status).toBe(503);
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
      const body = await response.json();
      expect(body).not.toHaveProperty('decision');
      expect(body).not.toHaveProperty('evaluations');
    }
    const grants = await stack.call('/api/v1/policy/grants', { key: operator });
    expect(grants.status).toBe(503);
    expect((await stack.call('/readyz')).status).toBe(503);
    expect((await stack.call('/livez')).status).toBe(200);
    await stack.postgres.restart();
    await waitFor(async () => (await ask()).status === 200, { message: 'decisions are back' });
    await waitFor(async () => (await stack.call('/readyz')).status === 200, {
      message: 'ready again',
    });
  });
});

describe('NATS down', () => {
  it('goes on deciding, durably, and publishes what was recorded meanwhile', async () => {
    await start();
    await stack.nats.kill9();
    const answers = await Promise.all(Array.from({ length: 50 }, ask));
    expect(answers.map((answer) => answer.status)).toEqual(Array(50).fill(200));
    expect((await stack.call('/readyz')).status).toBe(200);
    const ids = await Promise.all(
      answers.map(async (answer) => ((await answer.json()) as { context: { id: string } }).context.id),
    );
    const recorded = await recordedIds();
    expect(ids.filter((id) => !recorded.has(id))).toEqual([]);
    await stack.nats.restart();
    const total = await withDatabase(async (client) =>
      Number((await client.query('select count(*) n from policy.events')).rows[0].n),
    );
    await waitFor(() => stack.service.platform.outbox.state.published >= total, {
      message: `${total} events are published`,
    });
  });
});

describe('a commit that is not confirmed', () => {
  it('keeps back the answer of a batch, which is made before it', async () => {
    await start();
    const locksWaitedFor = () =>
      withDatabase(async (other) => (await other.query('select from pg_locks where not granted')).rows.length);
    await withDatabase(async (client) => {
      await client.query('begin');
      await client.query('lock table policy.events in exclusive mode');
      let answered = false;
      const asked = askBatch().finally(() => {
        answered = true;
      });
      await waitFor(async () => answered || (await locksWaitedFor()) > 0, {
        timeoutMs: 4_000,
        message: 'the writer waits',
      });
      expect(answered).toBe(false);
      await client.query('rollback');
      expect((await asked).status).toBe(200);
    });
  });
});

describe('more decisions than can be written', () => {
  it('refuses at once what the queue cannot hold, and answers the rest when the database goes on', async () => {
    await start({ DECISION_QUEUE: '16', DECISION_WRITERS: '1' });
    const answers = await withDatabase(async (client) => {
      await client.query('begin');
      await client.query('lock table policy.events in exclusive mode');
      const first = ask(); // written alone, and held by the lock
      await waitFor(
        () =>
          withDatabase(async (other) => (await other.query(`select from pg_locks where not granted`)).rows.length > 0),
        {
          timeoutMs: 5_000,
          message: 'the writer waits',
        },
      );
      let refused = 0;
      const others = Array.from({ length: 40 }, async () => {
        const response = await ask();
        if (response.status === 503) refused++;
        return response;
      });
      await waitFor(() => refused === 24, { timeoutMs: 4_000, message: 'what the queue cannot hold is refused' });
      await client.query('rollback');
      return Promise.all([first, ...others]);
    });
    const statuses = answers.map((answer) => answer.status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(17);
    expect(statuses.filter((status) => status === 503)).toHaveLength(24);
    expect(answers.find((answer) => answer.status === 503)?.headers.get('retry-after')).toBe('1');
  });
});

describe('kill -9 of the process', () => {
  const main = fileURLToPath(new URL('../src/main.js', import.meta.url));
  const serve = async (port: number): Promise<ChildProcess> => {
    const child = spawn(process.execPath, [main, 'serve'], {
      env: { ...stack.env, SERVICE_PORT: String(port) },
      stdio: 'ignore',
    });
    await waitFor(
      () =>
        fetch(`http://127.0.0.1:${port}/readyz`).then(
          (r) => r.ok,
          () => false,
        ),
      {
        timeoutMs: 50_000,
        message: 'the process is ready',
      },
    );
    return child;
  };

  it('loses no decision that was answered, wherever it strikes', async () => {
    await start();
    const port = await freePort();
    const answered: string[] = [];
    const body = JSON.stringify(question('user/u-1', 'logs.read', 'runtime/app-web'));
    const headers = { authorization: `Bearer ${operator}`, 'content-type': 'application/json' };
    for (let round = 0; round < 4; round++) {
      const child = await serve(port);
      const before = answered.length;
      let alive = true;
      const caller = async () => {
        while (alive) {
          const response = await fetch(`http://127.0.0.1:${port}/access/v1/evaluation`, {
            method: 'POST',
            headers,
            body,
          }).catch(() => undefined);
          const answer = (await response?.json().catch(() => undefined)) as { context?: { id: string } } | undefined;
          if (answer?.context) answered.push(answer.context.id);
        }
      };
      const callers = Array.from({ length: 16 }, caller);
      await waitFor(() => answered.length >= before + 40 * (round + 1), {
        message: 'decisions flow',
      });
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
      alive = false;
      await Promise.all(callers);
    }
    const recorded = await recordedIds();
    expect(answered.length).toBeGreaterThan(400 - 1);
    expect(answered.filter((id) => !recorded.has(id))).toEqual([]);
    expect(new Set(answered).size).toBe(answered.length);
  });
});
