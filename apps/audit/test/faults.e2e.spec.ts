import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { waitFor } from '@gatehouse/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { jetstreamManager } from '@nats-io/jetstream';
import type pg from 'pg';
import { AuditProcess, runToEnd } from './audit-process.js';
import { type AuditGround, coveredSize, ledgerSize, prepareGround } from './audit-stack.js';
import { expectWholeLedger, published } from './whole-ledger.js';

let ground: AuditGround;
const running: AuditProcess[] = [];

const start = async (): Promise<AuditProcess> => {
  const audit = await AuditProcess.start(ground);
  running.push(audit);
  return audit;
};

beforeAll(async () => {
  ground = await prepareGround();
  // The ledger looks at admin's tables by unqualified names, as under its own role.
  await ground.admin.query(`alter role postgres set search_path = audit`);
  for (const client of await Promise.all([ground.admin.connect(), ground.admin.connect()])) client.release(true);
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((audit) => audit.child.kill9()));
});
afterAll(async () => ground?.stop());

const sizeNow = () => ledgerSize(ground, 0);

/** Runs `work` while decisions come in, hundreds a second. */
async function whileDeciding(work: () => Promise<void>): Promise<void> {
  let going = true;
  const deciding = (async () => {
    while (going) {
      await ground.policy.decideMany(randomInt(1, 20));
      await pause(randomInt(10, 40));
    }
  })();
  await work().finally(() => {
    going = false;
  });
  await deciding;
}

describe('kill -9 at random moments', () => {
  it('loses nothing, doubles nothing, and every checkpoint extends the one before', async () => {
    await whileDeciding(async () => {
      for (let round = 0; round < 4; round++) {
        const audit = await start();
        await ledgerSize(ground, (await sizeNow()) + 1);
        // Once it is at work, any moment is as good as another.
        await pause(randomInt(0, 1_200));
        await audit.child.kill9();
      }
    });
    await start();
    await expectWholeLedger(ground);
  });
});

/** Makes a commit, or a statement, wait for the test: a trigger that asks for a lock the test holds. */
class Barrier {
  readonly #client: pg.PoolClient;
  readonly #remove: string;
  static readonly #lock = 4_711;

  private constructor(client: pg.PoolClient, remove: string) {
    this.#client = client;
    this.#remove = remove;
  }

  static async at(table: string, moment: 'before insert' | 'commit'): Promise<Barrier> {
    const client = await ground.admin.connect();
    await client.query(`select pg_advisory_lock(${Barrier.#lock})`);
    await client.query(
      `create or replace function public.wait_for_test() returns trigger language plpgsql security definer as
       $$ begin perform pg_advisory_xact_lock(${Barrier.#lock}); return new; end $$`,
    );
    await client.query(
      moment === 'commit'
        ? `create constraint trigger barrier after insert or update on ${table} deferrable initially deferred
           for each row execute function public.wait_for_test()`
        : `create trigger barrier before insert on ${table} for each row execute function public.wait_for_test()`,
    );
    return new Barrier(client, `drop trigger barrier on ${table}`);
  }

  /** Waits until somebody stands at the barrier, and answers the process id of its backend. */
  reached(): Promise<number> {
    return waitFor(
      async () => {
        const { rows } = await this.#client.query<{ pid: number }>(
          `select pid from pg_locks where locktype = 'advisory' and not granted and objid = ${Barrier.#lock}`,
        );
        return rows[0]?.pid ?? 0;
      },
      { message: 'the barrier is reached' },
    );
  }

  /** Ends the waiting backend: what it was doing never happened. */
  async refuse(pid: number): Promise<void> {
    await this.#client.query('select pg_terminate_backend($1, 5000)', [pid]);
    await this.open();
  }

  /** Lets the waiting backend finish, whether or not anybody hears its answer. */
  async open(): Promise<void> {
    await this.#client.query(`select pg_advisory_unlock(${Barrier.#lock})`);
    await this.#client.query(this.#remove);
    this.#client.release();
  }
}

describe('kill -9 beside a commit point', () => {
  const points: [string, string, 'before insert' | 'commit', 'refuse' | 'open'][] = [
    ['before the ledger commit', 'audit.ledger_head', 'commit', 'refuse'],
    ['after the ledger commit, its answer unheard', 'audit.ledger_head', 'commit', 'open'],
    ['before the checkpoint is in the file', 'audit.checkpoints', 'before insert', 'refuse'],
    ['after the file, before the checkpoint commit', 'audit.checkpoints', 'commit', 'refuse'],
    ['after the checkpoint commit, its answer unheard', 'audit.checkpoints', 'commit', 'open'],
  ];

  it.each(points)('%s', async (_name, table, moment, end) => {
    const audit = await start();
    await audit.ready();
    const barrier = await Barrier.at(table, moment);
    await ground.policy.decideMany(300);
    const pid = await barrier.reached();
    await audit.child.kill9();
    await (end === 'open' ? barrier.open() : barrier.refuse(pid));
    await start();
    await expectWholeLedger(ground);
  });

  it('is survived by a session that PostgreSQL ends: the same process goes on', async () => {
    const audit = await start();
    await audit.ready();
    for (const table of ['audit.ledger_head', 'audit.checkpoints']) {
      const barrier = await Barrier.at(table, 'commit');
      await ground.policy.decideMany(100);
      await barrier.refuse(await barrier.reached());
      await expectWholeLedger(ground);
    }
    expect(audit.child.running()).toBe(true);
  });
});

describe('two replicas', () => {
  it('take turns: the ledger goes on when the active one is killed', async () => {
    const [first, second] = [await start(), await start()];
    await Promise.all([first.ready(), second.ready()]);
    await whileDeciding(async () => {
      await ledgerSize(ground, (await sizeNow()) + 100);
      await first.child.kill9();
      await ledgerSize(ground, (await sizeNow()) + 100);
      await second.child.kill9();
    });
    await start();
    await expectWholeLedger(ground);
  });
});

describe('NATS', () => {
  it('killed between delivery and acknowledgement: delivered again, entered once', async () => {
    const audit = await start();
    await audit.ready();
    const barrier = await Barrier.at('audit.ledger_head', 'commit');
    await ground.policy.decideMany(200);
    await barrier.reached();
    await ground.nats.kill9();
    await barrier.open();
    await ground.policy.decideMany(200);
    await ground.nats.restart();
    await expectWholeLedger(ground);
    await audit.ready();
  });

  it('without its messages: the gap is noticed, the source publishes again, and the ledger is whole', async () => {
    const audit = await start();
    await audit.ready();
    await audit.child.kill9();
    const before = await published(ground);
    await ground.policy.decideMany(150);
    const manager = await jetstreamManager(ground.policy.nc);
    await waitFor(async () => (await manager.streams.info('EVENTS')).state.messages > 0 && (await outboxIsEmpty()), {
      message: 'everything is published',
    });
    await manager.streams.purge('EVENTS');
    await ground.policy.decide();
    await start();
    await expectWholeLedger(ground);
    expect(await sizeNow()).toBe(before + 151);
    expect(ground.policy.rewinds).not.toEqual([]);
  });
});

const outboxIsEmpty = async (): Promise<boolean> => {
  const { rows } = await ground.admin.query<{ waiting: boolean }>(
    `select exists (select from policy.events e, policy.outbox o where (e.tx, e.seq) > (o.tx, o.seq)) waiting`,
  );
  return rows[0]?.waiting === false;
};

describe('PostgreSQL', () => {
  it('killed and started again: audit goes on by itself', async () => {
    const audit = await start();
    await audit.ready();
    await ground.postgres.kill9();
    await waitFor(async () => (await fetch(`${audit.url}/readyz`)).status === 503, { message: 'audit is not ready' });
    await ground.postgres.restart();
    await waitFor(() => ground.policy.decideMany(50), { message: 'decisions are stored again' });
    await audit.ready();
    await expectWholeLedger(ground);
    expect(audit.child.running()).toBe(true);
  });
});

/** Waits until the signer has looked at the ledger so many times more. */
async function signerLooks(times: number): Promise<void> {
  const looks = new Set<string>();
  await waitFor(
    async () => {
      const { rows } = await ground.admin.query<{ at: string }>(
        `select query_start::text at from pg_stat_activity where application_name = 'audit:signer'`,
      );
      // Looks are a second apart, the statements of one look milliseconds.
      for (const { at } of rows) looks.add(at.slice(0, 'yyyy-mm-dd hh:mm:ss'.length));
      return looks.size > times;
    },
    { message: 'the signer looks' },
  );
}

// Last: after these the ledger is another one.
describe('a database that is not the one that was signed', () => {
  it('sounds the alarm in a running service, which signs nothing and appends nothing', async () => {
    const audit = await start();
    await audit.ready();
    const { rows } = await ground.admin.query(`select max(number)::text number from audit.checkpoints`);
    await ground.admin.query('create table public.saved as table audit.entries');
    await ground.admin.query('delete from audit.entries where idx >= 256');
    await ground.admin.query(
      `update audit.ledger_head set size = 256, root = (select root from audit.tiles where level = 0 and n = 0)`,
    );
    await waitFor(
      async () => {
        const report = (await (await fetch(`${audit.url}/readyz`)).json()) as { checks: Record<string, string> };
        return report.checks.ledger?.includes('was signed');
      },
      { message: 'the alarm' },
    );
    await ground.policy.decideMany(10);
    await signerLooks(2);
    const after = await ground.admin.query(`select max(number)::text number from audit.checkpoints`);
    expect(after.rows).toEqual(rows);
    expect(await sizeNow()).toBe(256);
  });

  it('keeps the service from starting, and says why', async () => {
    const { code, stderr } = await runToEnd(ground);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^audit: the ledger has 256 entries, but a tree of \d+ was signed: an older copy of the database\?/m,
    );
  });

  it('is served again once it is restored', async () => {
    await ground.admin.query(`insert into audit.entries select * from public.saved where idx >= 256`);
    const { rows } = await ground.admin.query(
      `select size::text, root from audit.checkpoints order by number desc limit 1`,
    );
    await ground.admin.query('update audit.ledger_head set size = $1, root = $2', [rows[0].size, rows[0].root]);
    const audit = await start();
    await audit.ready();
    await coveredSize(ground, await published(ground));
    await expectWholeLedger(ground);
  });
});
