import { randomBytes, randomUUID } from 'node:crypto';
import { CryptoError } from '@gatehouse/crypto';
import { startTestPostgres, type TestPostgres } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { Records } from './records.service.js';

const pepper = randomBytes(32);
let postgres: TestPostgres;
let pool: pg.Pool;
let records: Records;

beforeAll(async () => {
  postgres = await startTestPostgres();
  pool = new pg.Pool({ connectionString: await postgres.createDatabase('records'), max: 10 });
  pool.on('error', () => undefined);
  // The table of the migration, as far as this class goes; its rights are tested with the whole service.
  await pool.query(`
    create table oidc_records (
      model text, id text, grant_id text, uid text, user_code text unique, user_id uuid, client_id text, tenant_id text,
      sign_in text, sealed jsonb, created_at timestamptz default now(), expires_at timestamptz, consumed_at timestamptz,
      decided_at timestamptz, polled_at timestamptz, poll_seconds integer default 5, primary key (model, id));
    create table oidc_attempts (bucket text, starts_at timestamptz, count integer)`);
  records = new Records(pool, pepper);
});

afterAll(async () => {
  await pool?.end();
  await postgres?.stop();
});

const atOnce = async (work: () => Promise<boolean>): Promise<number> =>
  (await Promise.all(Array.from({ length: 20 }, work))).filter(Boolean).length;

describe('records', () => {
  it('are used up by exactly one of many at once', async () => {
    await records.write('AuthorizationCode', 'a-code', { grantId: 'g' }, 60);
    expect(await atOnce(() => records.consume('AuthorizationCode', 'a-code'))).toBe(1);
  });

  it('are the first of their name for exactly one of many at once, and again when that one is over', async () => {
    expect(await atOnce(() => records.writeFirst('ReplayDetection', 'a-proof', {}, 60))).toBe(1);
    await pool.query(`update oidc_records set expires_at = now() - interval '1 second'`);
    expect(await atOnce(() => records.writeFirst('ReplayDetection', 'a-proof', {}, 60))).toBe(1);
  });

  it('are decided by exactly one of many at once', async () => {
    await records.write('DeviceCode', 'a-device', { userCode: 'BCDFGHJK' }, 60);
    expect(await atOnce(() => records.decide('BCDFGHJK'))).toBe(1);
  });

  it('hold nothing in clear, and open only where they were written', async () => {
    const handle = randomUUID();
    await records.write('RefreshToken', handle, { scope: 'very-secret', grantId: 'g' }, 60);
    const { rows } = await pool.query(`select * from oidc_records where model = 'RefreshToken'`);
    expect(JSON.stringify(rows)).not.toMatch(new RegExp(`${handle}|very-secret`));
    const found = await records.find('RefreshToken', handle);
    expect(found && records.open(found)).toMatchObject({ jti: handle, scope: 'very-secret' });
    expect(() => found && records.open({ ...found, id: 'elsewhere' })).toThrow(CryptoError);
    expect(await new Records(pool, randomBytes(32)).find('RefreshToken', handle)).toBeUndefined();
  });

  it('are deleted an hour after their end, a bounded number at a time', async () => {
    await pool.query('delete from oidc_records');
    for (let i = 0; i < 5; i++) await records.write('Interaction', `i-${i}`, {}, 60);
    await pool.query(`update oidc_records set expires_at = now() - interval '2 hours'`);
    await records.write('Interaction', 'late', {}, -60);
    expect(await records.expire(3)).toBe(3);
    expect(await records.expire(3)).toBe(2);
    expect(await records.expire(3)).toBe(0);
    expect(await records.find('Interaction', 'late')).toBeDefined();
  });

  it('are not taken when they are longer than a sealed field', async () => {
    await expect(records.write('Interaction', 'long', { params: 'x'.repeat(9_000) }, 60)).rejects.toThrow(RangeError);
  });
});
