import { startPosition } from '@gatehouse/contracts';
import { waitFor } from '@gatehouse/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import { RevisionConflict, StoreOverloaded, StoreUnavailable } from '../store.js';
import { type WrittenEvent, writeEvent } from '../write-event.js';
import { connected, contextOf, type EventDatabase, service, startEventDatabase } from './event-database.fixture.js';
import { pause } from './exclusive.js';
import { GroupCommit } from './group-commit.js';
import { highRate, readVisible } from './rows.js';
import { notifyChannel } from './schema.js';

let db: EventDatabase;
let pool: pg.Pool;
beforeAll(async () => {
  db = await startEventDatabase({ durable: true });
  pool = db.pool(db.systemUrl, 4, 2_000);
});
afterAll(() => db.close());
beforeEach(() => db.admin(`truncate ${service}.events`));

let count = 0;
const decision = (data: object = {}, stream = `decision:${count++}`, tenantId = 'acme'): WrittenEvent =>
  writeEvent({ type: 'decision.recorded', version: 1, data }, stream, 1, contextOf(tenantId));
const decisions = (n: number) => Array.from({ length: n }, () => decision());

const storedIds = async (): Promise<string[]> => {
  const ids: string[] = [];
  for (let position = startPosition; ; ) {
    const page = await readVisible(pool, position, { limit: 10_000 });
    ids.push(...page.map((event) => (JSON.parse(event.text) as { id: string }).id));
    if (page.length < 10_000) return ids;
    position = page.at(-1)?.position ?? position;
  }
};
const idsOf = (events: readonly WrittenEvent[]) => events.map((event) => event.envelope.id);

/** Keeps every insert waiting until the answered function is called. */
async function holdInserts(): Promise<() => Promise<void>> {
  const locker = await connected(db.adminUrl);
  await locker.query(`begin; lock table ${service}.events in access exclusive mode`);
  return async () => {
    await locker.query('rollback');
    await locker.end();
  };
}

describe('GroupCommit', () => {
  it('makes one commit of all who come in one turn, and keeps their order', async () => {
    const commits = new GroupCommit({ service, pool, writers: 1 });
    const events = decisions(300);
    await Promise.all(events.map((event) => commits.append(event)));
    expect(commits.written).toEqual({ batches: 1, events: 300, weight: 300 });
    expect(await storedIds()).toEqual(idsOf(events));
    const { rows } = await db.admin(`select count(distinct tx)::int as commits from ${service}.events`);
    expect(rows).toEqual([{ commits: 1 }]);
  });

  it('shares the next batch among all who come while one is written', async () => {
    const commits = new GroupCommit({ service, pool, writers: 1, maxBatch: 100 });
    const release = await holdInserts();
    const first = commits.append(decision());
    await waitFor(() => commits.queued === 0, { message: 'the first batch to be taken' });
    const others = decisions(250).map((event) => commits.append(event));
    expect(commits.queued).toBe(250);
    await release();
    await Promise.all([first, ...others]);
    expect(commits.written).toEqual({ batches: 4, events: 251, weight: 251 });
  });

  it('cuts batches by length, too', async () => {
    const commits = new GroupCommit({ service, pool, writers: 1, maxBatchChars: 10_000 });
    const events = [
      ...Array.from({ length: 4 }, () => decision({ text: 'x'.repeat(4_000) })),
      decision({ text: 'y'.repeat(20_000) }),
    ];
    await Promise.all(events.map((event) => commits.append(event)));
    expect(commits.written).toEqual({ batches: 3, events: 5, weight: 5 });
    expect(await storedIds()).toEqual(idsOf(events));
  });

  it('answers nobody before the commit', async () => {
    const commits = new GroupCommit({ service, pool });
    const release = await holdInserts();
    let answered = false;
    const append = commits.append(decision()).then(() => {
      answered = true;
    });
    await waitFor(async () => (await waitingInserts()) === 1, { message: 'the insert to wait' });
    expect(answered).toBe(false);
    await release();
    await append;
    expect((await storedIds()).length).toBe(1);
  });

  it('refuses at once what its queue has no room for, by count and by length, and takes it later', async () => {
    const release = await holdInserts();
    const commits = new GroupCommit({ service, pool, writers: 1, maxQueue: 3, maxQueueChars: 5_000 });
    const first = commits.append(decision());
    await waitFor(() => commits.queued === 0, { message: 'the first batch to be taken' });
    const long = commits.append(decision({ text: 'x'.repeat(4_300) }));
    await expect(commits.append(decision({ text: 'x'.repeat(300) }))).rejects.toBeInstanceOf(StoreOverloaded);
    await release();
    await Promise.all([first, long]);
    const releaseAgain = await holdInserts();
    const taken = commits.append(decision());
    await waitFor(() => commits.queued === 0, { message: 'the batch to be taken' });
    const queued = decisions(3).map((event) => commits.append(event));
    await expect(commits.append(decision())).rejects.toMatchObject({ name: 'StoreOverloaded', queued: 3 });
    await releaseAgain();
    await Promise.all([taken, ...queued]);
    await commits.append(decision());
    expect((await storedIds()).length).toBe(7);
  });

  it('refuses a tenant that fills its queue alone, and has a share of it for the others, by count and by length', async () => {
    const release = await holdInserts();
    const commits = new GroupCommit({ service, pool, writers: 1, maxQueue: 4, maxQueueChars: 40_000 });
    const of = (tenantId: string, data?: object) => commits.append(decision(data, undefined, tenantId));
    const first = of('flood');
    await waitFor(() => commits.queued === 0, { message: 'the first batch to be taken' });
    const queued = Array.from({ length: 4 }, () => of('flood'));
    await expect(of('flood')).rejects.toBeInstanceOf(StoreOverloaded);
    const others = [of('acme'), of('acme'), of('globex')];
    await expect(of('acme')).rejects.toBeInstanceOf(StoreOverloaded);
    await release();
    await Promise.all([first, ...queued, ...others]);
    const releaseAgain = await holdInserts();
    const taken = of('flood');
    await waitFor(() => commits.queued === 0, { message: 'the batch to be taken' });
    const long = of('flood', { text: 'x'.repeat(39_000) });
    await expect(of('flood', { text: 'x'.repeat(2_000) })).rejects.toBeInstanceOf(StoreOverloaded);
    const short = of('acme', { text: 'x'.repeat(2_000) });
    await releaseAgain();
    await Promise.all([taken, long, short]);
    expect(commits.queued).toBe(0);
  });

  it('counts what an event holds: one with many decisions fills the queue like many', async () => {
    const release = await holdInserts();
    const commits = new GroupCommit({ service, pool, writers: 1, maxQueue: 100 });
    const first = commits.append(decision(), 500); // more than the queue has room for: alone it may pass
    await waitFor(() => commits.queued === 0, { message: 'the first batch to be taken' });
    const second = commits.append(decision(), 60);
    await expect(commits.append(decision(), 50)).rejects.toMatchObject({ name: 'StoreOverloaded', queued: 60 });
    const third = commits.append(decision(), 40);
    await expect(commits.append(decision())).rejects.toMatchObject({ name: 'StoreOverloaded', queued: 100 });
    await release();
    await Promise.all([first, second, third]);
    expect(commits.written).toMatchObject({ events: 3, weight: 600 });
    expect(commits.queued).toBe(0);
  });

  it('tells everybody within the bound that the outcome is unknown: those queued and those in flight', async () => {
    const commits = new GroupCommit({ service, pool, writers: 1, maxWaitMs: 200 });
    const release = await holdInserts();
    const startedAt = performance.now();
    const inFlight = commits.append(decision());
    await waitFor(() => commits.queued === 0, { message: 'the batch to be taken' });
    const queued = decision();
    const outcomes = await Promise.allSettled([inFlight, commits.append(queued)]);
    expect(performance.now() - startedAt).toBeLessThan(30_000);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: { name: 'StoreUnavailable' } });
    await release();
    await commits.drain();
    // What was in flight is stored (nobody was told it was not); what had not been sent never is.
    const ids = await storedIds();
    expect([ids.length, ids.includes(queued.envelope.id)]).toEqual([1, false]);
  });

  it('lets no refused event take its neighbours with it', async () => {
    const commits = new GroupCommit({ service, pool, writers: 1 });
    const taken = decision({}, 'decision:taken');
    await commits.append(taken);
    const events = decisions(20);
    const again = decision({}, 'decision:taken');
    events.splice(7, 0, again);
    const outcomes = await Promise.allSettled(events.map((event) => commits.append(event)));
    expect(outcomes.map((outcome) => outcome.status)).toEqual(
      events.map((event) => (event === again ? 'rejected' : 'fulfilled')),
    );
    expect(outcomes[7]).toMatchObject({ reason: { name: 'RevisionConflict', streamId: 'decision:taken' } });
    expect((outcomes[7] as PromiseRejectedResult).reason).toBeInstanceOf(RevisionConflict);
    expect(await storedIds()).toEqual(idsOf([taken, ...events.filter((event) => event !== again)]));
  });

  it('takes events of several tenants in one batch', async () => {
    const commits = new GroupCommit({ service, pool });
    await Promise.all(['acme', 'other'].map((tenant) => commits.append(decision({}, 'decision:same', tenant))));
    const { rows } = await db.admin(`select tenant_id from ${service}.events order by 1`);
    expect(rows).toEqual([{ tenant_id: 'acme' }, { tenant_id: 'other' }]);
  });

  it('wakes the listeners at once, and then seldom, with the word for events that others may sleep through', async () => {
    const listener = await connected(db.systemUrl);
    const heard: (string | undefined)[] = [];
    listener.on('notification', ({ payload }) => heard.push(payload));
    await listener.query(`listen ${notifyChannel(service)}`);
    const commits = new GroupCommit({ service, pool });
    await Promise.all(decisions(5).map((event) => commits.append(event)));
    // What the tests before have committed may be told of only now.
    await waitFor(() => heard.length > 0, { message: 'the notification' });
    let before = heard.length;
    await commits.append(decision());
    await waitFor(() => heard.length > before, { message: 'the notification of what came too soon' });
    before = heard.length;
    for (let i = 0; i < 30; i++) await commits.append(decision());
    const batches = commits.written.batches;
    await waitFor(() => heard.length > before, { message: 'the next, of all that came meanwhile' });
    expect(new Set(heard)).toEqual(new Set([highRate]));
    expect([batches, heard.length < batches]).toEqual([32, true]);
    await listener.end();
  });

  it('drains: nothing is left waiting, and no timer either', async () => {
    const commits = new GroupCommit({ service, pool });
    await commits.drain();
    const pending = Promise.all(decisions(50).map((event) => commits.append(event)));
    await commits.drain();
    expect((await storedIds()).length).toBe(50);
    await pending;
  });
});

async function waitingInserts(): Promise<number> {
  const { rows } = await db.admin(
    `select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock' and query like '%insert into events%'`,
  );
  return (rows[0] as { n: number }).n;
}

describe('GroupCommit while PostgreSQL is killed', () => {
  afterEach(() => db.server.restart());

  it('answers with StoreUnavailable, recovers by itself, and has lost nothing that it acknowledged', async () => {
    const commits = new GroupCommit({ service, pool, maxBatch: 50, maxWaitMs: 1_000 });
    const acknowledged = new Set<string>();
    const failures: unknown[] = [];
    let stop = false;
    const caller = async () => {
      while (!stop) {
        const event = decision();
        await commits.append(event).then(
          () => acknowledged.add(event.envelope.id),
          async (error) => {
            failures.push(error);
            await pause(20);
          },
        );
      }
    };
    const callers = Promise.all(Array.from({ length: 64 }, caller));
    await waitFor(() => acknowledged.size > 1_000, { message: 'some traffic' });
    await db.server.kill9();
    await waitFor(() => failures.length > 64, { message: 'callers to be told' });
    const before = acknowledged.size;
    await db.server.restart();
    await waitFor(() => acknowledged.size > before + 200, { message: 'recovery' });
    stop = true;
    await callers;
    const others = failures.filter((failure) => !(failure instanceof StoreUnavailable));
    expect(others).toEqual([]);
    const stored = await storedIds();
    expect(new Set(stored).size).toBe(stored.length);
    const kept = new Set(stored);
    expect([...acknowledged].filter((id) => !kept.has(id))).toEqual([]);
  });
});
