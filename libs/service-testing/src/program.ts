import { type SupervisedChild, superviseChild, type TestPostgres, waitFor } from '@gatehouse/testing';

export interface ProgramOptions {
  /** Name of the service: its schema, its roles and its NATS user. */
  readonly name: string;
  /** Path of its built program. */
  readonly program: string;
  readonly postgres: TestPostgres;
  /** The superuser's URL of the database. */
  readonly adminUrl: string;
  readonly natsUrl: string;
  readonly pepperFile: string;
  readonly settings?: Readonly<Record<string, string>>;
}

export interface RunningProgram {
  readonly address: string;
  readonly child: SupervisedChild;
  /** What it has written so far. */
  log(): string;
  stop(): Promise<void>;
}

/**
 * Another service itself, as a process of its own on the servers of the test: what it answers is real. Makes its schema,
 * starts it and waits until it is ready.
 *
 * @example const policy = await runProgram({ name: 'policy', program, postgres, adminUrl, natsUrl: nats.url, pepperFile });
 */
export async function runProgram(options: ProgramOptions): Promise<RunningProgram> {
  const env = environmentOf(options);
  const start = async (command: string) => {
    const { name, program } = options;
    const child = await superviseChild({
      name,
      command: process.execPath,
      args: ['--enable-source-maps', program, command],
      env,
      output: 'pipe',
    });
    let text = '';
    for (const output of [child.stdout, child.stderr]) output?.on('data', (chunk) => (text += String(chunk)));
    return { child, log: () => text };
  };
  const migration = await start('migrate');
  const { code } = await migration.child.exited;
  if (code !== 0) throw new Error(`${options.name} could not make its schema: ${migration.log()}`);
  const { child, log } = await start('serve');
  const message = () => log().slice(-1_000);
  const address = await waitFor(() => /"address":"([^"]+)"/.exec(log())?.[1], { timeoutMs: 90_000, message });
  await waitFor(async () => (await fetch(`${address}/readyz`)).ok, { timeoutMs: 90_000, message });
  return { address, child, log, stop: async () => void (await child.stop()) };
}

function environmentOf({ name, postgres, adminUrl, natsUrl, pepperFile, settings }: ProgramOptions): NodeJS.ProcessEnv {
  const login = (role: string) => postgres.urlOf('gatehouse', `${role}:password-of-${role}`);
  return {
    PATH: process.env.PATH,
    SERVICE_PORT: '0',
    ADMIN_DATABASE_URL: adminUrl,
    DATABASE_URL: login(`gatehouse_${name}`),
    DATABASE_SYSTEM_URL: login(`gatehouse_${name}_system`),
    NATS_URL: natsUrl,
    PEPPER_FILE: pepperFile,
    LOG_LEVEL: 'info',
    ...settings,
  };
}
