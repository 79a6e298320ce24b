import { createSecretKey, randomBytes, randomUUID } from 'node:crypto';
import { Connection } from '@gatehouse/config';
import { rootKeyOf } from '@gatehouse/crypto';
import { asTenant } from '@gatehouse/event-store';
import { migrate } from '@gatehouse/service';
import { startTestPostgres, type TestPostgres } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { identityService } from '../app.module.js';
import { destroySubjectKeys, SubjectErased, SubjectKeys } from './subject-keys.service.js';

let postgres: TestPostgres;
let request: pg.Pool;
let system: pg.Pool;
let keys: SubjectKeys;

beforeAll(async () => {
  postgres = await startTestPostgres();
  const admin = new Connection(await postgres.createDatabase('gatehouse'), 'admin');
  const passwords = { request: 'request-password-1', system: 'system-password-1' };
  await migrate({ service: 'identity', admin, passwords, migrations: identityService.migrations });
  const login = (user: string) => new pg.Pool({ connectionString: postgres.urlOf('gatehouse', user), max: 12 });
  request = login('gatehouse_identity');
  system = login('gatehouse_identity_system');
  keys = new SubjectKeys(request, rootKeyOf(createSecretKey(randomBytes(32))));
});
afterAll(async () => {
  await Promise.all([request?.end(), system?.end()]);
  await postgres?.stop();
});

const keysOf = async (subject: string): Promise<number> =>
  Number((await system.query('select count(*) from subject_keys where subject = $1', [subject])).rows[0].count);

describe('the end of a subject', () => {
  it('destroys its keys in every tenant, and what they sealed', async () => {
    const [ann, bob] = [randomUUID(), randomUUID()];
    const sealed = (await keys.sealerFor('acme', ann))('email', 'ann@example.org');
    await keys.sealerFor('other', ann);
    const kept = (await keys.sealerFor('acme', bob))('email', 'bob@example.org');
    expect(await destroySubjectKeys(system, ann)).toBe(2);
    expect(await keys.open(system, 'acme', 'email', sealed)).toBeUndefined();
    expect(await keys.open(system, 'acme', 'email', kept)).toBe('bob@example.org');
    expect(await destroySubjectKeys(system, ann)).toBe(0);
  });

  it('is for ever: nothing is sealed for it any more, in no tenant', async () => {
    const ann = randomUUID();
    await destroySubjectKeys(system, ann);
    for (const tenant of ['acme', 'new']) await expect(keys.sealerFor(tenant, ann)).rejects.toThrow(SubjectErased);
    expect(await keysOf(ann)).toBe(0);
  });

  it('leaves no key behind when others are making some at the same moment', async () => {
    for (let round = 0; round < 10; round++) {
      const ann = randomUUID();
      const making = Array.from({ length: 8 }, (_, n) => keys.sealerFor(`t-${n}`, ann).catch(() => undefined));
      await Promise.all([...making, destroySubjectKeys(system, ann)]);
      expect(await keysOf(ann)).toBe(0);
    }
  });

  it('is not in the hands of the role that serves requests', async () => {
    const ann = randomUUID();
    await keys.sealerFor('acme', ann);
    for (const text of ['delete from subject_keys', `insert into erased_subjects (subject) values ('x')`])
      await expect(asTenant(request, 'acme', (client) => client.query(text))).rejects.toMatchObject({ code: '42501' });
    expect(await keysOf(ann)).toBe(1);
  });
});
