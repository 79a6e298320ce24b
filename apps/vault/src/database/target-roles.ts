import { commit } from '@gatehouse/event-store';
import type pg from 'pg';
import { quoteIdentifier, quoteLiteral, renderStatement } from './statements.js';
import { inTarget, TargetError, toTargetError } from './target-error.js';

/** A role as the target's catalog has it. */
export interface CatalogRole {
  readonly username: string;
  /** Unix milliseconds; null for none, or infinity. */
  readonly validUntil: number | null;
  readonly comment: string | null;
}

const columns = `r.rolname as username, shobj_description(r.oid, 'pg_authid') as comment,
  case when isfinite(r.rolvaliduntil) then round(extract(epoch from r.rolvaliduntil) * 1000)::bigint::text end as until`;

type Row = { username: string; comment: string | null; until: string | null };

const fromRow = ({ username, comment, until }: Row): CatalogRole => ({
  username,
  comment,
  validUntil: until === null ? null : Number(until),
});

/** All roles whose names begin so. */
export async function rolesOf(client: pg.Client, prefix: string): Promise<readonly CatalogRole[]> {
  const text = `select ${columns} from pg_roles r where starts_with(r.rolname::text, $1) order by r.rolname`;
  const { rows } = await inTarget(() => client.query<Row>(text, [prefix]));
  return rows.map(fromRow);
}

async function roleOf(client: pg.Client, username: string): Promise<CatalogRole | undefined> {
  const text = `select ${columns} from pg_roles r where r.rolname = $1`;
  const { rows } = await inTarget(() => client.query<Row>(text, [username]));
  return rows[0] && fromRow(rows[0]);
}

const timestamp = (ms: number): string => new Date(ms).toISOString();

/**
 * One transaction in the target, alone on this role among all who go through here. A connection that is lost before COMMIT
 * was sent has changed nothing; after it, nobody knows.
 */
async function onRole<T>(client: pg.Client, username: string, work: () => Promise<T>): Promise<T> {
  let outcome: 'none' | 'unknown' = 'none';
  try {
    await client.query('begin');
    await client.query(`select pg_advisory_xact_lock(hashtextextended('gatehouse:' || $1, 0))`, [username]);
    const result = await work();
    outcome = 'unknown';
    await commit(client);
    return result;
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw toTargetError(error, outcome);
  }
}

export interface NewRole {
  readonly username: string;
  /** As the statements are to have it: the password, or its verifier. */
  readonly password: string;
  readonly validUntil: number;
  readonly comment: string;
  readonly statements: readonly string[];
}

/** Makes a role with its end and its marker, or nothing at all. @throws TargetError */
export function createRole(client: pg.Client, role: NewRole): Promise<void> {
  const { username, password, validUntil, comment, statements } = role;
  const values = { name: username, username, password, expiration: timestamp(validUntil) };
  return onRole(client, username, async () => {
    for (const statement of statements) await client.query(renderStatement(statement, values));
    if (!(await roleOf(client, username))) throw new TargetError('role_not_made');
    await setTerm(client, username, validUntil);
    await client.query(`COMMENT ON ROLE ${quoteIdentifier(username)} IS ${quoteLiteral(comment)}`);
  });
}

const setTerm = (client: pg.Client, username: string, until: number) =>
  client.query(`ALTER ROLE ${quoteIdentifier(username)} VALID UNTIL ${quoteLiteral(timestamp(until))}`);

export interface Renewal {
  readonly username: string;
  /** The term that is prolonged: another one means that somebody else was here. Null: any. */
  readonly from: number | null;
  readonly until: number;
  readonly statements: readonly string[];
}

/** @returns the role's term afterwards: `until`, or the one that stood there. @throws TargetError `role_missing` */
export function renewRole(client: pg.Client, { username, from, until, statements }: Renewal): Promise<number | null> {
  return onRole(client, username, async () => {
    const role = await roleOf(client, username);
    if (!role) throw new TargetError('role_missing');
    if (role.validUntil === until || (from !== null && role.validUntil !== from)) return role.validUntil;
    const values = { name: username, username, expiration: timestamp(until) };
    for (const statement of statements) await client.query(renderStatement(statement, values));
    await setTerm(client, username, until);
    return until;
  });
}

export interface Revocation {
  readonly username: string;
  readonly statements: readonly string[];
  /** Another database of the same server. */
  readonly elsewhere: (database: string, work: (client: pg.Client) => Promise<void>) => Promise<void>;
}

/**
 * Ends a role: nobody logs in as it any more, its sessions are cut, what it owns goes to us, what it was granted is taken
 * back in every database where it has something, and it is dropped. Can be done again after any interruption.
 *
 * @throws TargetError
 */
export async function dropRole(client: pg.Client, { username, statements, elsewhere }: Revocation): Promise<void> {
  const name = quoteIdentifier(username);
  if (!(await roleOf(client, username))) return;
  await onRole(client, username, async () => {
    if (!(await roleOf(client, username))) return;
    await client.query(`ALTER ROLE ${name} NOLOGIN`);
    // Who is not a superuser takes over and cuts sessions only of roles that he is a member of.
    await client.query(`GRANT ${name} TO CURRENT_USER`);
  });
  const cut = 'select pg_terminate_backend(pid, 1000) from pg_stat_activity where usename = $1';
  await inTarget(() => client.query(cut, [username]));
  for (const database of await otherDatabases(client, username))
    await elsewhere(database, async (there) => {
      await inTarget(() => there.query(`REASSIGN OWNED BY ${name} TO CURRENT_USER; DROP OWNED BY ${name}`));
    });
  await onRole(client, username, async () => {
    for (const statement of statements) {
      if (await roleOf(client, username)) await client.query(renderStatement(statement, { name: username, username }));
    }
    if (!(await roleOf(client, username))) return;
    await client.query(`REASSIGN OWNED BY ${name} TO CURRENT_USER`);
    await client.query(`DROP OWNED BY ${name}`);
    await client.query(`DROP ROLE ${name}`);
  });
}

async function otherDatabases(client: pg.Client, username: string): Promise<readonly string[]> {
  const text = `select distinct d.datname from pg_shdepend s join pg_database d on d.oid = s.dbid
       join pg_roles r on r.oid = s.refobjid
     where s.refclassid = 'pg_authid'::regclass and r.rolname = $1 and d.datname <> current_database() and d.datallowconn`;
  const { rows } = await inTarget(() => client.query<{ datname: string }>(text, [username]));
  return rows.map(({ datname }) => datname);
}

export interface PasswordChange {
  readonly username: string;
  /** As the statements are to have it: the password, or its verifier. */
  readonly password: string;
  readonly statements: readonly string[];
  /** Asked when nobody else is at this role: whoever comes late must not undo what was set since. */
  readonly isWanted: () => Promise<boolean>;
}

/** Sets the password of a role that exists, if it is wanted still. @throws TargetError `role_missing`, `sqlstate_...` */
export function setPassword(
  client: pg.Client,
  { username, password, statements, isWanted }: PasswordChange,
): Promise<void> {
  return onRole(client, username, async () => {
    if (!(await isWanted())) return;
    if (!(await roleOf(client, username))) throw new TargetError('role_missing');
    const own = [`ALTER ROLE "{{name}}" WITH PASSWORD '{{password}}'`];
    for (const statement of statements.length > 0 ? statements : own)
      await client.query(renderStatement(statement, { name: username, username, password }));
  });
}
