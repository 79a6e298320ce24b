import { freePort, waitFor } from '@gatehouse/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type EventDatabase, startEventDatabase } from './event-database.fixture.js';
import { Exclusive, type ExclusiveOptions, type Held, pause } from './exclusive.js';
import { notifyChannel } from './schema.js';
import { Wake } from './wake.js';

let db: EventDatabase;
beforeAll(async () => {
  db = await startEventDatabase();
});
afterAll(() => db.close());

const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((part) => part.stop()));
});

/** Resolves when the session is gone, or stopped. */
const untilLost = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve());
  });

interface Contender {
  readonly exclusive: Exclusive;
  pid: number;
  terms: number;
  errors: Error[];
}

function contend(
  name: string,
  options: Partial<ExclusiveOptions> = {},
  work: (held: Held) => Promise<void> = async () => undefined,
): Contender {
  const contender: Contender = {
    exclusive: new Exclusive({
      url: db.systemUrl,
      name,
      onError: (error) => contender.errors.push(error),
      ...options,
    }),
    pid: 0,
    terms: 0,
    errors: [],
  };
  contender.exclusive.start(async (held) => {
    contender.terms++;
    contender.pid = (await held.client.query('select pg_backend_pid() as pid')).rows[0].pid;
    try {
      await work(held);
    } catch (error) {
      contender.pid = 0;
      throw error;
    }
    await untilLost(held.signal);
    contender.pid = 0;
  });
  running.push(contender.exclusive);
  return contender;
}

const holders = (...all: Contender[]) => all.filter((contender) => contender.exclusive.holding && contender.pid);
const kill = (pid: number) => db.admin('select pg_terminate_backend($1)', [pid]);

describe('Exclusive', () => {
  it('lets one work, and another take over soon when its session is killed', async () => {
    const [a, b] = [contend('takeover'), contend('takeover')];
    const first = await waitFor(() => holders(a, b)[0], { message: 'a holder' });
    const second = first === a ? b : a;
    expect(second.terms).toBe(0);
    const startedAt = performance.now();
    await kill(first.pid);
    await waitFor(() => second.exclusive.holding || first.terms > 1, { message: 'takeover', intervalMs: 5 });
    expect(performance.now() - startedAt).toBeLessThan(30_000);
    await waitFor(() => holders(a, b).length === 1, { message: 'one holder' });
  });

  it('is never held twice, through many kills', async () => {
    let [working, most] = [0, 0];
    const work = async ({ signal }: Held) => {
      most = Math.max(most, ++working);
      await untilLost(signal);
      working--;
    };
    const all = [1, 2, 3].map(() => contend('storm', { retryMs: 10 }, work));
    for (let i = 0; i < 10; i++) {
      const holder = await waitFor(() => holders(...all)[0], { message: 'a holder', intervalMs: 5 });
      const { terms } = holder;
      await kill(holder.pid);
      await waitFor(() => all.some((c) => c !== holder && c.pid) || holder.terms > terms, {
        message: 'the next holder',
        intervalMs: 5,
      });
    }
    expect(most).toBe(1);
    expect(all.reduce((sum, contender) => sum + contender.terms, 0)).toBeGreaterThan(10);
  });

  it('waits without a statement that runs on: one would keep dead rows from being cleaned away', async () => {
    const [a, b] = [contend('patient'), contend('patient')];
    await waitFor(() => holders(a, b)[0], { message: 'a holder' });
    const waiting = await db.admin(
      `select count(*)::int as n, count(*) filter (where backend_xmin is not null)::int as keeping
       from pg_stat_activity where application_name = 'patient' and state = 'idle'`,
    );
    expect(waiting.rows).toEqual([{ n: 2, keeping: 0 }]);
  });

  it('fences a holder that has lost the lock: its writes do not commit', async () => {
    await db.admin('create table if not exists public.fence (n int); grant all on public.fence to public');
    let outcome: unknown;
    const a = contend('fence', {}, async ({ client }) => {
      if (outcome) return;
      await client.query('begin; insert into public.fence values (1)');
      await kill((await client.query('select pg_backend_pid() as pid')).rows[0].pid).catch(() => undefined);
      outcome = await client.query('commit').catch((error: Error) => error);
    });
    await waitFor(() => a.terms > 1, { message: 'the next term' });
    expect(outcome).toMatchObject({ message: expect.stringMatching(/terminat|not queryable/) });
    expect((await db.admin('select * from public.fence')).rows).toEqual([]);
  });

  it('reports work that fails, and starts it again', async () => {
    let failures = 0;
    const a = contend('failing', { retryMs: 5 }, async () => {
      if (++failures < 3) throw new Error('no luck');
    });
    await waitFor(() => a.terms === 3, { message: 'the third try' });
    expect(a.errors.map((error) => error.message)).toEqual(['no luck', 'no luck']);
  });

  it('stops at once: while it waits for the lock, while it cannot connect, and before it ever started', async () => {
    const a = contend('stopping');
    await waitFor(() => a.exclusive.holding, { message: 'the holder' });
    const b = contend('stopping');
    await waitFor(
      async () =>
        (await db.admin(`select 1 from pg_stat_activity where application_name = 'stopping'`)).rows.length === 2,
    );
    const nobody = contend('nobody', { url: `postgres://u@127.0.0.1:${await freePort()}/d` });
    await waitFor(() => nobody.errors.length > 0, { message: 'a refused connection' });
    const never = new Exclusive({ url: db.systemUrl, name: 'never' });
    const early = contend('early'); // is connecting now
    const startedAt = performance.now();
    await Promise.all([b.exclusive, nobody.exclusive, never, early.exclusive].map((part) => part.stop()));
    expect(performance.now() - startedAt).toBeLessThan(30_000);
    expect([b.terms, early.terms, a.exclusive.holding]).toEqual([0, 0, true]);
    await a.exclusive.stop();
    expect(a.exclusive.holding).toBe(false);
  });
});

describe('a PostgreSQL that hangs', () => {
  // Only the backend that serves the session is stopped: to us it looks as if the machine had gone without a word.
  const freeze = (pid: number) => process.kill(pid, 'SIGSTOP');
  const thaw = (pid: number) => process.kill(pid, 'SIGCONT');

  it('does not hold the loop: the statement is given up, and the lock is asked for anew', async () => {
    let frozen = 0;
    const a = contend('hanging', { queryTimeoutMs: 150, retryMs: 20 }, async ({ client }) => {
      if (frozen) return;
      frozen = a.pid;
      freeze(frozen);
      await client.query('select 1');
    });
    await waitFor(() => a.errors.length > 0, { message: 'the statement to be given up' });
    expect(a.errors[0]?.message).toBe('Query read timeout');
    thaw(frozen);
    await waitFor(() => a.terms === 2, { message: 'the next term' });
  });

  it('does not hold up a stop', async () => {
    const a = contend('hanging-stop');
    const pid = await waitFor(() => a.pid, { message: 'the holder' });
    freeze(pid);
    const startedAt = performance.now();
    await a.exclusive.stop();
    expect(performance.now() - startedAt).toBeLessThan(30_000);
    thaw(pid);
  });
});

describe('Wake', () => {
  it('hears notifications, and after its connection is killed connects again and says so', async () => {
    const wake = new Wake({ url: db.requestUrl, channels: [notifyChannel('shop'), 'with "quotes"'] });
    running.push(wake);
    const heard: string[] = [];
    let connections = 0;
    const end = wake.listen((channel, payload) => heard.push(`${channel}:${payload}`));
    wake.onReconnect(() => connections++);
    wake.start();
    await waitFor(() => connections === 1, { message: 'the first connection' });
    await db.admin(`select pg_notify('${notifyChannel('shop')}', 'a'), pg_notify('with "quotes"', 'b')`);
    await waitFor(() => heard.length === 2, { message: 'two notifications' });
    expect(heard).toEqual([`${notifyChannel('shop')}:a`, 'with "quotes":b']);

    await db.admin(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'wake'`);
    await waitFor(() => connections === 2, { message: 'the second connection' });
    await db.admin(`select pg_notify('${notifyChannel('shop')}', 'c')`);
    await waitFor(() => heard.length === 3, { message: 'a notification on it' });
    end();
    await db.admin(`select pg_notify('${notifyChannel('shop')}', 'd')`);
    await db.admin('select 1');
    expect(heard).toHaveLength(3);
  });

  it('goes on trying while there is no server, and stops at once', async () => {
    const errors: Error[] = [];
    const url = `postgres://u@127.0.0.1:${await freePort()}/d`;
    const wake = new Wake({ url, channels: ['x'], onError: (error) => errors.push(error) }).start();
    await waitFor(() => errors.length >= 2, { message: 'two tries' });
    await wake.stop();
    const count = errors.length;
    await pause(300);
    expect(errors.length).toBe(count);
  });

  it('stops while it is connecting', async () => {
    const wake = new Wake({ url: db.requestUrl, channels: ['x'] }).start();
    await wake.stop();
    const { rows } = await db.admin(`select 1 from pg_stat_activity where application_name = 'wake'`);
    expect(rows.length).toBeLessThanOrEqual(1); // its backend may not have noticed yet, but nothing waits for it
  });
});
