import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import { contextOf, type EventDatabase, itemAdded, service, startEventDatabase } from './event-database.fixture.js';
import { assertLogNotAhead } from './log-check.js';
import { PostgresEventStore } from './postgres-event-store.js';

let db: EventDatabase;
let system: pg.Pool;
beforeAll(async () => {
  db = await startEventDatabase();
  system = db.pool(db.systemUrl);
});
afterAll(() => db.close());

const store = () => new PostgresEventStore({ service, pool: db.pool(db.requestUrl) });
const farFuture = `insert into ${service}.events (tx, id, tenant_id, stream_id, revision, type, envelope)
  values ('99999999999', gen_random_uuid(), 'acme', 'cart:restored', 1, 'cart.opened', '{}')`;

describe('assertLogNotAhead', () => {
  it('accepts an empty log, and one that this server wrote', async () => {
    await assertLogNotAhead(system);
    await store().append('cart:a', [itemAdded()], { expectedRevision: 0, context: contextOf() });
    await assertLogNotAhead(system);
  });

  it('refuses a log with transactions that this server has yet to hand out, and says what to do', async () => {
    await db.admin(farFuture);
    await expect(assertLogNotAhead(system)).rejects.toMatchObject({
      name: 'LogAheadOfServer',
      message: expect.stringMatching(/up to transaction 99999999999, .* only at \d+: .*pg_resetwal/),
    });
    await db.admin(`delete from ${service}.events where tx = '99999999999'`);
    await assertLogNotAhead(system);
  });

  it('refuses an outbox that is past what this server has handed out', async () => {
    await db.admin(`update ${service}.outbox set tx = '99999999999'`);
    await expect(assertLogNotAhead(system)).rejects.toMatchObject({ name: 'LogAheadOfServer' });
  });
});
