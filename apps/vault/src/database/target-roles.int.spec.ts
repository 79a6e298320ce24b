import { startTestPostgres, type TestPostgres, waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { newPassword, scramVerifier } from './password.js';
import { type TargetLogin, withTarget } from './target-connection.js';
import { TargetError } from './target-error.js';
import { createRole, dropRole, renewRole, rolesOf, setPassword } from './target-roles.js';

const reach = { privateNetworks: true, loopback: true, weakestSslmode: 'disable' } as const;
const username = 'gh_test_app_1';
const comment = `it's "marked"`;
const until = Date.parse('2030-01-02T03:04:05.678Z');
const creation = [
  `CREATE ROLE "{{name}}" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'; GRANT CREATE, USAGE ON SCHEMA public TO "{{name}}"`,
];

let postgres: TestPostgres;
let root: pg.Pool;
let login: TargetLogin;

beforeAll(async () => {
  postgres = await startTestPostgres();
  await postgres.createDatabase('app');
  const second = new pg.Client({ connectionString: await postgres.createDatabase('second') });
  root = new pg.Pool({ connectionString: postgres.urlOf('app'), max: 2 });
  // As on a managed server: no superuser, but allowed to make roles and owner of its schema.
  await root.query(`create role manager login createrole; grant all on schema public to manager with grant option`);
  await second.connect();
  await second.query('grant all on schema public to manager');
  await second.end();
  login = {
    host: '127.0.0.1',
    port: postgres.port,
    database: 'app',
    sslmode: 'disable',
    username: 'manager',
    password: 'unused',
  };
});

afterAll(async () => {
  await root?.end();
  await postgres?.stop();
});

const target = <T>(work: (client: pg.Client) => Promise<T>) => withTarget(login, reach, work);
const elsewhere = (database: string, work: (client: pg.Client) => Promise<void>) =>
  withTarget({ ...login, database }, reach, work);
const drop = (statements: readonly string[] = []) =>
  target((client) => dropRole(client, { username, statements, elsewhere }));
const create = (statements = creation) =>
  target((client) => createRole(client, { username, password: 'p', validUntil: until, comment, statements }));
const roles = () => target((client) => rolesOf(client, 'gh_test_'));

beforeEach(() => drop());

describe('roles of a target', () => {
  it('are made with their end and their marker, whatever the statements say', async () => {
    await create();
    expect(await roles()).toEqual([{ username, validUntil: until, comment }]);
    await drop();
    await create(['CREATE ROLE {{name}} LOGIN']);
    expect(await roles()).toEqual([{ username, validUntil: until, comment }]);
  });

  it('are made whole or not at all', async () => {
    await expect(create([...creation, 'SELECT 1/0'])).rejects.toMatchObject({
      code: 'sqlstate_22012',
      outcome: 'none',
    });
    await expect(create(['SELECT 1'])).rejects.toMatchObject({ code: 'role_not_made' });
    expect(await roles()).toEqual([]);
  });

  it('are prolonged from the term that was seen, and from no other', async () => {
    await create();
    const renew = (from: number | null, to: number) =>
      target((client) => renewRole(client, { username, from, until: to, statements: [] }));
    expect(await renew(until, until + 1_000)).toBe(until + 1_000);
    expect(await renew(until, until + 2_000)).toBe(until + 1_000);
    expect(await renew(until, until + 1_000)).toBe(until + 1_000);
    await root.query(`alter role ${username} valid until 'infinity'`);
    expect((await roles())[0]?.validUntil).toBeNull();
    expect(await renew(null, until)).toBe(until);
    await drop();
    await expect(renew(null, until)).rejects.toMatchObject({ code: 'role_missing' });
  });

  it('are dropped with their sessions, tables and rights, in every database', async () => {
    await create();
    for (const database of ['app', 'second'])
      await elsewhere(database, async (there) => {
        await there.query(`create table kept (n int); grant all on kept to ${username}`);
      });
    const session = new pg.Client({ connectionString: postgres.urlOf('app', username) });
    let cut = false;
    session.on('error', () => {
      cut = true;
    });
    await session.connect();
    await session.query('create table mine (n int); insert into mine values (7)');
    await drop();
    await waitFor(() => cut, { message: 'the session was cut' });
    expect(await roles()).toEqual([]);
    const { rows } = await root.query(
      `select n, (select tableowner from pg_tables where tablename = 'mine') from mine`,
    );
    expect(rows).toEqual([{ n: 7, tableowner: 'manager' }]);
    await root.query('drop table mine, kept');
    await drop();
  });

  it('are dropped by our statements where those of the role leave it', async () => {
    await create();
    await drop(['REVOKE ALL ON SCHEMA public FROM "{{name}}"']);
    expect(await roles()).toEqual([]);
  });

  it('stay locked out while something keeps them from being dropped', async () => {
    await create();
    // Granted by somebody else on what is not ours: not ours to take back.
    await root.query(`create table foreign_table (n int); grant select on foreign_table to ${username}`);
    await expect(drop()).rejects.toMatchObject({ code: 'sqlstate_2BP01', outcome: 'none' });
    const { rows } = await root.query('select rolcanlogin from pg_roles where rolname = $1', [username]);
    expect(rows).toEqual([{ rolcanlogin: false }]);
    await root.query('drop table foreign_table');
    await drop();
    expect(await roles()).toEqual([]);
  });

  it('get a password that stands in no statement', async () => {
    const password = newPassword();
    expect(password).toMatch(/^[A-Za-z0-9]{40}$/);
    const verifier = await scramVerifier(password);
    await create();
    await target((client) =>
      setPassword(client, { username, password: verifier, statements: [], isWanted: async () => true }),
    );
    const { rows } = await root.query('select rolpassword from pg_authid where rolname = $1', [username]);
    expect(rows).toEqual([{ rolpassword: verifier }]);
  });

  it('are looked for on the server that was configured, and nowhere else', async () => {
    await expect(withTarget({ ...login, targetId: '1' }, reach, async () => 1)).rejects.toMatchObject({
      code: 'other_server',
    });
    await expect(withTarget(login, { ...reach, loopback: false }, async () => 1)).rejects.toMatchObject({
      code: 'address_refused',
    });
    await expect(
      withTarget({ ...login, host: 'localhost' }, { ...reach, loopback: false }, async () => 1),
    ).rejects.toThrow(TargetError);
    await expect(withTarget({ ...login, port: 1 }, reach, async () => 1)).rejects.toMatchObject({
      code: 'unreachable',
    });
    await expect(withTarget({ ...login, username: 'nobody_here' }, reach, async () => 1)).rejects.toMatchObject({
      code: 'login_refused',
    });
    await expect(withTarget({ ...login, sslmode: 'require' }, reach, async () => 1)).rejects.toMatchObject({
      code: 'unreachable',
    });
  });
});
