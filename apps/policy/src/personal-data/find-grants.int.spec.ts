import { randomUUID } from 'node:crypto';
import { rolesSql } from '@gatehouse/event-store';
import { startTestPostgres, type TestPostgres } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { Foundation1700000000001 } from '../migrations/1-foundation.js';
import { PersonalData1700000000090 } from '../migrations/4-personal-data.js';
import { findGrants } from './find-grants.service.js';

const [ann, bob] = [randomUUID(), randomUUID()];
let postgres: TestPostgres;
let system: pg.Pool;

beforeAll(async () => {
  postgres = await startTestPostgres();
  const admin = new pg.Client({ connectionString: await postgres.createDatabase('gatehouse') });
  await admin.connect();
  await admin.query(rolesSql('policy', { request: 'request-password-1', system: 'system-password-1' }));
  for (const migration of [new Foundation1700000000001(), new PersonalData1700000000090()])
    await migration.up({ query: (text: string) => admin.query(text) } as never);
  await admin.query(
    `insert into policy.grants select 'tenant-' || n % 3, 'g' || n, 'user', $1, 'viewer', '*', n % 2 = 0, 1, 'user', $2, now()
     from generate_series(1, 1203) n`,
    [ann, bob],
  );
  await admin.query(
    `insert into policy.grants values ('acme', 'x', 'user', $1, 'owner', '*', true, 1, 'user', $2, now()),
       ('acme', 'y', 'service', $2, 'owner', '*', true, 1, 'user', $1, now())`,
    [bob, ann],
  );
  await admin.end();
  system = new pg.Pool({ connectionString: postgres.urlOf('gatehouse', 'gatehouse_policy_system'), max: 1 });
});
afterAll(async () => {
  await system?.end();
  await postgres?.stop();
});

describe('what policy holds on a person', () => {
  it('is every grant, active or not, in every tenant, page by page', async () => {
    const found = new Set<unknown>();
    let pages = 0;
    for (let cursor: string | undefined, first = true; first || cursor; first = false) {
      const page = await findGrants(system, { userId: ann, cursor });
      for (const { record } of page.items) found.add(`${record.tenantId} ${record.grantId}`);
      cursor = page.nextCursor;
      pages++;
    }
    expect(found.size).toBe(1_203);
    expect(pages).toBe(3);
  });

  it('is what a person sees of a grant, and nobody else’s', async () => {
    const { items } = await findGrants(system, { userId: bob });
    const by = { type: 'user', id: ann };
    expect(items).toMatchObject([{ kind: 'grant', record: { tenantId: 'acme', role: 'owner', grantedBy: by } }]);
  });

  it('refuses a cursor that it did not give', async () => {
    await expect(findGrants(system, { userId: ann, cursor: 'x' })).rejects.toMatchObject({ code: 'malformed' });
  });
});
