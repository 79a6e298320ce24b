import { constantTimeEqual, type Pepper, type RootKey, wrappedUnder } from '@gatehouse/crypto';
import { isTransient, type Query, sqlState } from '@gatehouse/event-store';

/** One file copied over the other: whoever reads the pepper could then open everybody's personal data. */
export function refuseSharedKey(pepper: Pepper, root: RootKey): void {
  const bytes = pepper instanceof Uint8Array ? pepper : pepper.export();
  if (constantTimeEqual(bytes, root.key.export()))
    throw new Error('PEPPER_FILE and ROOT_KEY_FILE hold the same key: each needs one of its own');
}

/**
 * What keeps this program from working on this database, or undefined. For a connection of the system role.
 *
 * @throws whatever PostgreSQL answers when it cannot be asked
 */
export async function databaseProblem(
  query: Query,
  migrations: readonly string[],
  root: RootKey,
): Promise<string | undefined> {
  const missing = await missingMigrations(query, migrations);
  if (missing.length > 0) return `the schema lacks ${missing.join(', ')}: run the command migrate`;
  const { rows } = await query.query<{ wrapped: Buffer }>('select wrapped from subject_keys limit 1');
  const needed = rows[0] && wrappedUnder(rows[0].wrapped);
  return needed && needed !== root.id
    ? `personal data is sealed under root key ${needed}, and ROOT_KEY_FILE holds ${root.id}`
    : undefined;
}

const undefinedTable = '42P01';

async function missingMigrations(query: Query, migrations: readonly string[]): Promise<readonly string[]> {
  try {
    const { rows } = await query.query<{ name: string }>('select name from migrations');
    const done = new Set(rows.map(({ name }) => name));
    return migrations.filter((name) => !done.has(name));
  } catch (error) {
    if (sqlState(error) === undefinedTable) return migrations;
    throw error;
  }
}

/** Throws at start what {@link databaseProblem} finds. A database that cannot be reached yet is no reason to give up. */
export async function refuseWrongDatabase(problem: Promise<string | undefined>): Promise<void> {
  const found = await problem.catch((error: unknown) => {
    if (isTransient(error)) return undefined;
    throw error;
  });
  if (found !== undefined) throw new Error(found);
}
