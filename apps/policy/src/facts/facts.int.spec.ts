import { parsePosition } from '@gatehouse/contracts';
import { handle, notifyChannel, Wake } from '@gatehouse/event-store';
import { waitFor } from '@gatehouse/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { grantDecider, grantIdOf, grantStream } from '../grant/grant.js';
import { grantRole } from '../grant/grant-role/grant-role.js';
import { revokeRole } from '../grant/revoke-role/revoke-role.js';
import { changeSomething, randomFrom } from './change-facts.fixture.js';
import { Facts } from './facts.js';
import { dump, foldLog } from './facts-dump.fixture.js';
import { FactsUnavailable } from './guarded-facts.js';
import {
  contextOf,
  type PolicyDatabase,
  startPolicyDatabase,
  startPolicyDatabaseWithServer,
} from './policy-database.fixture.js';

let db: PolicyDatabase;
let wake: Wake;
const started: Facts[] = [];
const errors: Error[] = [];

beforeEach(async () => {
  db = await startPolicyDatabase();
  wake = new Wake({ url: db.systemUrl, channels: [notifyChannel('policy')] }).start();
  errors.length = 0;
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((facts) => facts.stop()));
  await wake.stop();
  await db.close();
});

function follow(): Facts {
  const facts = new Facts({ pool: db.system, wake, onError: (error) => void errors.push(error) }).start();
  started.push(facts);
  return facts;
}
const untilLoaded = (facts: Facts) => waitFor(() => facts.loaded, { message: 'facts are loaded' });
const tenants = ['acme', 'other'];
const all = (of: { tenant(id: string): Parameters<typeof dump>[0] }) => tenants.map((id) => dump(of.tenant(id)));

/** Facts and position are read together: nothing comes between. */
async function expectEqualsLog(facts: Facts): Promise<void> {
  const [seen, position] = [all(facts.live), parsePosition(facts.position)];
  expect(seen).toEqual(all(await foldLog(db.system, position)));
}

async function change(role: string, decide: 'grant' | 'revoke', tenantId = 'acme') {
  const terms = { subject: { type: 'user', id: 'ann' }, role, scope: '*' };
  return handle(db.store, grantDecider, {
    streamId: grantStream(grantIdOf(terms)),
    context: contextOf(tenantId),
    decide: decide === 'grant' ? grantRole(terms) : revokeRole(),
  });
}
const rolesOf = (facts: Facts, tenantId = 'acme') =>
  facts.live
    .tenant(tenantId)
    .held({ type: 'user', id: 'ann' })
    .map(({ role }) => role);

describe('facts in memory', () => {
  it('are at every position what the log says, loaded while many write and then followed', async () => {
    let writing = true;
    let changed = false;
    const writer = async (seed: number) => {
      const random = randomFrom(seed);
      for (let i = 0; i < 150; i++) {
        const { position } = await changeSomething(db.store, random);
        if (position) changed = true;
      }
    };
    const writers = Promise.all([1, 2, 3, 4].map(writer)).then(() => {
      writing = false;
    });
    let checked = 0;
    while (writing) {
      await waitFor(() => changed || !writing, { message: 'a change' });
      const facts = follow();
      await untilLoaded(facts);
      for (let i = 0; i < 5; i++, checked++) await expectEqualsLog(facts);
    }
    await writers;
    expect(checked).toBeGreaterThan(5);
    const [end] = (await db.admin('select tx, seq from policy.events order by events.tx desc, events.seq desc limit 1'))
      .rows;
    for (const facts of started) {
      expect(await facts.waitFor(parsePosition(`${end.tx}.${end.seq}`), 10_000)).toBe(true);
      await expectEqualsLog(facts);
    }
    expect(errors).toEqual([]);
  });

  it('are not given out while rows may be ahead of the position', async () => {
    const held = await db.request.connect();
    await held.query(`begin; select set_config('gatehouse.tenant', 'acme', true); select pg_current_xact_id()`);
    await change('viewer', 'grant');
    await change('viewer', 'revoke');
    const facts = follow();
    const behind = await change('developer', 'grant');
    // The rows know of all three, but a position before the running transaction must not stand for them.
    await waitFor(
      async () =>
        (await db.admin(`select from pg_stat_activity where query like '%log-horizon%' or query like '%as tx) h'`)).rows
          .length > 0,
      { message: 'the log is followed' },
    );
    expect(facts.loaded).toBe(false);
    expect(() => facts.live.tenant('acme')).toThrow(FactsUnavailable);
    await held.query('rollback');
    held.release();
    await untilLoaded(facts);
    expect(behind.position && (await facts.waitFor(behind.position, 5_000))).toBe(true);
    expect(rolesOf(facts)).toEqual(['developer']);
    await expectEqualsLog(facts);
  });

  it('answer who waits for a position, in time or not', async () => {
    const facts = follow();
    await untilLoaded(facts);
    const far = parsePosition('99999999999.1');
    expect(await facts.waitFor(far, 20)).toBe(false);
    const { position } = await change('viewer', 'grant');
    expect(position && (await facts.waitFor(position, 5_000))).toBe(true);
    expect(rolesOf(facts)).toEqual(['viewer']);
  });
});

describe('an event of facts that can’t be applied', () => {
  const forge = (tenantId: string, stream: string) =>
    db.admin(
      `with id as (select gen_random_uuid() as id) insert into policy.events (id, tenant_id, stream_id, revision, type, envelope)
       select id, $1, $2, 1, 'group.left', jsonb_build_object('id', id, 'type', 'group.left', 'data', '{"group": 7}'::jsonb)::text from id`,
      [tenantId, stream],
    );

  it('closes its tenant and no other, is shown, and closes it again after a restart', async () => {
    await change('viewer', 'grant', 'acme');
    const facts = follow();
    await untilLoaded(facts);
    await forge('acme', 'membership:broken');
    const after = await change('viewer', 'grant', 'other');
    expect(after.position && (await facts.waitFor(after.position, 5_000))).toBe(true);
    expect(rolesOf(facts, 'other')).toEqual(['viewer']);
    expect(() => facts.live.tenant('acme')).toThrow(FactsUnavailable);
    expect(errors.map(({ name }) => name)).toEqual(['UnreadableFact']);

    const shown = async () =>
      (await db.admin('select projection, tenant_id, stream_id, reason from policy.parked_events')).rows;
    await waitFor(async () => (await shown()).length > 0, { message: 'the event is shown' });
    expect(await shown()).toEqual([
      {
        projection: 'facts',
        tenant_id: 'acme',
        stream_id: 'membership:broken',
        reason: 'UnreadableFact: the tenant is closed',
      },
    ]);
    const again = follow();
    await untilLoaded(again);
    expect(() => again.live.tenant('acme')).toThrow(FactsUnavailable);
    expect(rolesOf(again, 'other')).toEqual(['viewer']);
  });
});

describe('PostgreSQL killed', () => {
  it('while facts are loaded and while they are followed: the same facts in the end', async () => {
    await wake.stop();
    await db.close();
    const withServer = await startPolicyDatabaseWithServer();
    const { server } = withServer;
    db = withServer;
    wake = new Wake({ url: db.systemUrl, channels: [notifyChannel('policy')] }).start();
    // In slices: a busy disk takes longer for all of them than the time of one statement.
    for (let from = 1; from < 100_000; from += 10_000)
      await db.admin(
        `insert into policy.grants select 'acme', 'g' || n, 'user', 'u' || n % 5000, 'viewer', 'project/p' || n % 97, true, 1, 'user', 'x', now()
         from generate_series($1::int, $1::int + 9999) n`,
        [from],
      );
    const facts = follow();
    await waitFor(
      async () => (await db.admin(`select from pg_stat_activity where query like 'copy %'`)).rows.length > 0,
      {
        intervalMs: 1,
        message: 'facts are being read',
      },
    );
    await server.kill9();
    expect(facts.loaded).toBe(false);
    expect(() => facts.live.tenant('acme')).toThrow(FactsUnavailable);
    await server.restart();
    await waitFor(() => facts.loaded, { message: 'facts are loaded' });
    expect(facts.live.size).toBe(100_000);

    await server.kill9();
    await server.restart();
    const { position } = await waitFor(() => change('developer', 'grant'), { message: 'a change' });
    expect(position && (await facts.waitFor(position, 15_000))).toBe(true);
    expect(rolesOf(facts)).toEqual(['developer']);
    const fresh = follow();
    await waitFor(() => fresh.loaded, { message: 'facts are loaded again' });
    expect(fresh.live.size).toBe(100_001);
    expect(dump(fresh.live.tenant('acme'))).toEqual(dump(facts.live.tenant('acme')));
  });
});
