import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type LeaseProcess, startLeaseProcess } from './lease-process.fixture.js';
import { creation } from './target.fixture.js';

/* What would leave an account in a target that nobody looks after: a database that goes while a lease of it is begun. */

let vault: LeaseProcess;

beforeAll(async () => {
  vault = await startLeaseProcess();
});

afterAll(() => vault?.stop());

const configure = async () => {
  expect((await vault.call('databases/main', vault.target.config(vault.targetProxy.port), 'PUT')).status).toBe(204);
  const role = { db_name: 'main', creation_statements: creation, default_ttl: '1h', max_ttl: '24h' };
  expect((await vault.call('database-roles/app', role, 'PUT')).status).toBe(204);
};
const issue = () => vault.call('database-roles/app/credentials', {});
const remove = async () => {
  expect((await vault.call('database-roles/app', undefined, 'DELETE')).status).toBe(204);
  return vault.call('databases/main', undefined, 'DELETE');
};

it('a database whose lease is being begun stays', async () => {
  await configure();
  const stopped = vault.ownProxy.stopAt({ text: 'lease.requested', side: 'before' });
  const issued = issue();
  await stopped;
  const removed = remove();
  // Time to come through, where nothing holds it up.
  expect(await Promise.race([removed, new Promise((late) => setTimeout(late, 1_000, 'waits'))])).toBe('waits');
  await vault.ownProxy.resume();
  const { status, body } = await issued;
  expect(status).toBe(201);
  expect(await removed).toMatchObject({ status: 409, body: { code: 'database_has_leases' } });
  await vault.call(`leases/${body.leaseId}/revoke`, {});
});

it('no lease is begun of a database that has gone meanwhile, or has become another', async () => {
  await configure();
  const stopped = vault.ownProxy.stopAt({ text: 'for share', side: 'before' });
  const issued = issue();
  await stopped;
  expect((await remove()).status).toBe(204);
  await vault.ownProxy.resume();
  expect(await issued).toMatchObject({ status: 409, body: { code: 'conflict' } });
  expect(await vault.target.leased()).toEqual([]);
});
