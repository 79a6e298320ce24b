import { Connection } from '@gatehouse/config';
import { writeEvent } from '@gatehouse/event-store';
import { migrate } from '@gatehouse/service';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { policyService } from '../app.module.js';
import { contextOf, type PolicyDatabase, startPolicyDatabase } from '../facts/policy-database.fixture.js';
import { RecordedAt1700000000121 } from './11-recorded-at.js';

let db: PolicyDatabase;
beforeAll(async () => {
  const before = policyService.migrations.filter((migration) => migration !== RecordedAt1700000000121);
  db = await startPolicyDatabase(before);
});
afterAll(() => db?.close());

const then = Date.UTC(2024, 1, 29, 12, 0, 0, 123);

describe('when the log had an event', () => {
  it('is what an event from before says of itself, and PostgreSQL’s own time afterwards', async () => {
    const append = async (stream: string, now: number) =>
      db.store.append(stream, [{ type: 'role.revoked', version: 1, data: { grantId: 'x' } }], {
        expectedRevision: 0,
        context: contextOf('acme', now),
      });
    await append('grant:old', then);
    const passwords = { request: 'request-password-1', system: 'system-password-1' };
    await migrate({
      service: 'policy',
      admin: new Connection(db.adminUrl, 'admin'),
      passwords,
      migrations: policyService.migrations,
    });
    const startedAt = Date.now();
    // Whatever an event says: an old time must not make it part of an old moment.
    await append('grant:new', then);
    const { rows } = await db.admin('select stream_id, recorded_at from policy.events order by tx, seq');
    expect(rows[0]).toEqual({ stream_id: 'grant:old', recorded_at: new Date(then) });
    expect(rows[1].recorded_at.getTime()).toBeGreaterThanOrEqual(startedAt - 1);
  });

  it('is not for a writer to choose or to change', async () => {
    const { envelope, text } = writeEvent(
      { type: 'role.revoked', version: 1, data: { grantId: 'x' } },
      'grant:forged',
      1,
      contextOf('acme'),
    );
    await expect(
      db.system.query(
        `insert into events (id, tenant_id, stream_id, revision, type, envelope, recorded_at)
         values ($1, 'acme', 'grant:forged', 1, 'role.revoked', $2, '2020-01-01')`,
        [envelope.id, text],
      ),
    ).rejects.toMatchObject({ code: '42501' });
    await expect(db.system.query(`update events set recorded_at = now()`)).rejects.toMatchObject({ code: '42501' });
  });

  it('keeps the wall around the log', async () => {
    const { rows } = await db.admin(
      `select relrowsecurity, relforcerowsecurity from pg_class where oid = 'policy.events'::regclass`,
    );
    expect(rows).toEqual([{ relrowsecurity: true, relforcerowsecurity: true }]);
  });
});
