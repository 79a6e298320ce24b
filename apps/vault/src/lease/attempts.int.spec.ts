import { openTestDatabases, type TestDatabases } from '@gatehouse/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import pg from 'pg';
import { schemas } from '../../test/databases.fixture.js';
import { Attempts } from './attempts.js';

let postgres: TestDatabases;
let pool: pg.Pool;

beforeAll(async () => {
  postgres = await openTestDatabases();
  const connectionString = await postgres.createDatabase('attempts', schemas);
  pool = new pg.Pool({ connectionString, max: 1, options: '-c search_path=vault' });
});
afterAll(async () => {
  await pool?.end();
  await postgres?.stop();
});

it('a tenant that has passwords to change in many targets does not keep those of another waiting', async () => {
  const attempts = new Attempts(pool);
  await pool.query(
    `insert into database_entries (tenant_id, kind, name, database, rotate_at)
     select 'many', 'static-role', 'role-' || i, 'db-' || i / 2, now() - interval '2 hours' + i * interval '1 minute'
     from generate_series(0, 39) i
     union all select 'few', 'static-role', 'one', 'main', now() - interval '1 minute'
     union all select 'few', 'static-role', 'later', 'other', now() + interval '1 hour'`,
  );
  const targets = async (limit: number) =>
    (await attempts.targetsWithRotations(limit)).map(({ tenantId, database }) => `${tenantId}/${database}`);
  expect(await targets(3)).toEqual(['many/db-0', 'few/main', 'many/db-1']);
  // What failed waits, and what is in the same target does not.
  const fail = async (tenantId: string, name: string) => {
    await attempts.failed(tenantId, 'static-role', name);
    await pool.query(`update keeper_attempts set next_at = now() + interval '1 hour'`);
  };
  await fail('many', 'role-0');
  expect(await attempts.rotationsDue({ tenantId: 'many', database: 'db-0' }, 5)).toEqual(['role-1']);
  await fail('few', 'one');
  expect(await targets(2)).toEqual(['many/db-0', 'many/db-1']);
  await attempts.forget('few', 'static-role', 'one');
  expect(await targets(2)).toEqual(['many/db-0', 'few/main']);
});
