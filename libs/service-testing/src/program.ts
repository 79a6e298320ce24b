import { type SupervisedChild, superviseChild, type TestDatabases, waitFor } from '@gatehouse/testing';

export interface Program {
  /** Name of the service: its schema, its roles and its NATS user. */
  readonly name: string;
  /** Path of its built program. */
  readonly program: string;
  readonly settings?: Readonly<Record<string, string>>;
}

export interface MigrationOptions extends Program {
  /** The superuser's URL of the database. */
  readonly adminUrl: string;
}

export interface ProgramOptions extends MigrationOptions {
  readonly postgres: Pick<TestDatabases, 'urlOf'>;
  readonly natsUrl: string;
  readonly pepperFile: string;
  /** Its schema is there already: the database was made like a template, see {@link migrateProgram}. */
  readonly migrated?: true;
}

export interface RunningProgram {
  readonly address: string;
  readonly child: SupervisedChild;
  /** What it has written so far. */
  log(): string;
  stop(): Promise<void>;
}

const passwordOf = (role: string): string => `password-of-${role}`;

/** Makes the schema of another service by its own program: what a template of databases begins as. */
export async function migrateProgram({ name, program, adminUrl, settings }: MigrationOptions): Promise<void> {
  const login = (role: string) => {
    const url = new URL(adminUrl);
    [url.username, url.password] = [role, passwordOf(role)];
    return url.href;
  };
  const { child, log } = await start({ name, program }, 'migrate', {
    ADMIN_DATABASE_URL: adminUrl,
    DATABASE_URL: login(`gatehouse_${name}`),
    DATABASE_SYSTEM_URL: login(`gatehouse_${name}_system`),
    ...settings,
  });
  const { code } = await child.exited;
  if (code !== 0) throw new Error(`${name} could not make its schema: ${log()}`);
}

/**
 * Another service itself, as a process of its own on the servers of the test: what it answers is real. Makes its schema
 * unless that is there, starts it and waits until it is ready.
 *
 * @example const policy = await runProgram({ name: 'policy', program, postgres, adminUrl, natsUrl: nats.url, pepperFile });
 */
export async function runProgram(options: ProgramOptions): Promise<RunningProgram> {
  if (!options.migrated) await migrateProgram(options);
  const { child, log } = await start(options, 'serve', environmentOf(options));
  const message = () => log().slice(-1_000);
  const address = await waitFor(() => /"address":"([^"]+)"/.exec(log())?.[1], { timeoutMs: 90_000, message });
  await waitFor(async () => (await fetch(`${address}/readyz`)).ok, { timeoutMs: 90_000, message });
  return { address, child, log, stop: async () => void (await child.stop()) };
}

async function start({ name, program }: Program, command: string, env: NodeJS.ProcessEnv) {
  const child = await superviseChild({
    name,
    command: process.execPath,
    args: [program, command],
    env: { PATH: process.env.PATH, LOG_LEVEL: 'info', ...env },
    output: 'pipe',
  });
  let text = '';
  for (const output of [child.stdout, child.stderr]) output?.on('data', (chunk) => (text += String(chunk)));
  return { child, log: () => text };
}

function environmentOf({ name, postgres, adminUrl, natsUrl, pepperFile, settings }: ProgramOptions): NodeJS.ProcessEnv {
  const database = new URL(adminUrl).pathname.slice(1);
  const login = (role: string) => postgres.urlOf(database, `${role}:${passwordOf(role)}`);
  return {
    SERVICE_PORT: '0',
    DATABASE_URL: login(`gatehouse_${name}`),
    DATABASE_SYSTEM_URL: login(`gatehouse_${name}_system`),
    NATS_URL: natsUrl,
    PEPPER_FILE: pepperFile,
    ...settings,
  };
}
