import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { api, works } from './api.fixture.js';
import { type FirstOwner, type Replica, type Stack, startStack } from './stack.fixture.js';

let stack: Stack;
let replica: Replica;
let ours: FirstOwner;
let theirs: FirstOwner;
let ourKeyId: string;

beforeAll(async () => {
  stack = await startStack();
  ours = await stack.bootstrap('ours');
  theirs = await stack.bootstrap('theirs');
  replica = await stack.serve();
  await works(replica, ours.operatorKey);
  await works(replica, theirs.operatorKey);
  ourKeyId = (await api(replica, 'POST /keys', { key: ours.operatorKey, body: { name: 'ci' } })).body.keyId;
});

afterAll(() => stack?.stop());

describe('another tenant’s key, although policy allows it everything', () => {
  it('lists its own keys and no other', async () => {
    const { body } = await api(replica, 'GET /keys', { key: theirs.operatorKey });
    expect(body.keys.map(({ name }) => name)).toEqual(['operator']);
    expect(body.keys[0]?.keyId).not.toBe(ourKeyId);
  });

  it('finds no key of ours by its id, and cannot disable one', async () => {
    for (const what of [`GET /keys/${ourKeyId}`, `POST /keys/${ourKeyId}/disable`, `POST /keys/${ourKeyId}/enable`]) {
      const answer = await api(replica, what, { key: theirs.operatorKey });
      expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } });
    }
    expect((await api(replica, `GET /keys/${ourKeyId}`, { key: ours.operatorKey })).body.enabled).toBe(true);
  });

  it('may use a name that we use, and a page mark of ours shows it nothing of ours', async () => {
    const made = await api(replica, 'POST /keys', { key: theirs.operatorKey, body: { name: 'ci' } });
    expect(made.status).toBe(201);
    const { body } = await api(replica, 'GET /keys?limit=1', { key: ours.operatorKey });
    const page = await api(replica, `GET /keys?cursor=${body.nextCursor}`, { key: theirs.operatorKey });
    expect(page.body.keys.every(({ keyId }) => keyId !== ourKeyId)).toBe(true);
  });

  it('sees its own tenant', async () => {
    const { body } = await api(replica, 'GET /tenant', { key: theirs.operatorKey });
    expect(body).toMatchObject({ tenantId: 'theirs', ownerId: theirs.ownerId });
  });
});

describe('the service’s own role in SQL', () => {
  const asRequestRole = async <T>(
    tenantId: string | undefined,
    work: (client: pg.Client) => Promise<T>,
  ): Promise<T> => {
    const client = new pg.Client({ connectionString: stack.databaseUrl() });
    await client.connect();
    try {
      await client.query('begin');
      if (tenantId !== undefined) await client.query(`select set_config('gatehouse.tenant', $1, true)`, [tenantId]);
      return await work(client);
    } finally {
      await client.end();
    }
  };
  const tables = ['events', 'keys', 'setup_offers', 'subject_keys'];

  it.each(tables)('bound to one tenant sees only that tenant’s rows of %s; bound to none, none', async (table) => {
    const tenantsSeen = (client: pg.Client) =>
      client.query<{ tenant_id: string }>(`select distinct tenant_id from ${table}`).then(({ rows }) => rows);
    expect(await asRequestRole('theirs', tenantsSeen)).toEqual([{ tenant_id: 'theirs' }]);
    expect(await asRequestRole('ours', tenantsSeen)).toEqual([{ tenant_id: 'ours' }]);
    expect(await asRequestRole(undefined, tenantsSeen)).toEqual([]);
  });

  it('cannot write a row of another tenant', async () => {
    const insert = (client: pg.Client) =>
      client.query(
        `insert into subject_keys (tenant_id, subject, key_version, wrapped) values ('ours', 'x', 1, '\\x00')`,
      );
    await expect(asRequestRole('theirs', insert)).rejects.toThrow('row-level security');
  });

  it.each([
    'select * from known_keys',
    'update events set type = type',
    'delete from events',
    'delete from keys',
    'update subject_keys set wrapped = wrapped',
    'delete from subject_keys',
  ])('has no right to: %s', async (statement) => {
    await expect(asRequestRole('ours', (client) => client.query(statement))).rejects.toThrow('permission denied');
  });
});
