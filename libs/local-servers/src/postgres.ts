import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { LocalServerError } from './local-server-error.js';
import { killTree, reapLeftover, removeOwnerFile, writeOwnerFile } from './owner-file.js';
import { freePort, requireFreePort } from './ports.js';
import { findPostgres, type PostgresBinaries } from './postgres-binaries.js';
import { dataDirArgument, ensureCluster, SUPERUSER, serverEnvironment } from './postgres-data-dir.js';
import { type ServerAccount, unprivilegedAccount } from './server-account.js';
import { type ChildExit, type SupervisedChild, superviseChild } from './supervise-child.js';
import { tailOf } from './tail-of.js';

export interface PostgresOptions {
  /** Made on first use, with its parents. */
  dataDir: string;
  /** 0 (default) takes a free port. */
  port?: number;
  /** false: fsync, synchronous_commit and full_page_writes off; a crash of the machine may then lose the database. */
  durable: boolean;
  auth?: 'scram-sha-256' | 'trust';
  /** File of mode 0600 with the superuser's password; made with a random one when missing. */
  superuserPasswordFile?: string;
  /** Instead of a file. Used only when the data directory is made. */
  password?: string;
  /** Default `<dataDir>.log`. */
  logFile?: string;
  /** Server settings, e.g. `{ shared_buffers: '256MB' }`. */
  settings?: Readonly<Record<string, string>>;
  /** See `NewCluster.templateDir`. */
  templateDir?: string;
  onProgress?: (message: string) => void;
}

export interface PostgresServer {
  readonly port: number;
  /** `postgres://postgres@127.0.0.1:PORT/postgres`: without the password. */
  readonly url: string;
  readonly dataDir: string;
  readonly logFile: string;
  readonly superuser: string;
  /** Changes on restart. */
  readonly pid: number;
  /** Resolves when the present server process ends, whoever ended it. */
  exited(): Promise<ChildExit>;
  /** Fast shutdown: open transactions are rolled back, then a checkpoint is written. */
  stop(): Promise<void>;
  /** As a crash: server and backends are killed. What was committed durably is there after `restart`. */
  kill9(): Promise<void>;
  /** Starts it again on the same port and data, stopping it first if it runs. */
  restart(): Promise<void>;
}

const START_TIMEOUT_MS = 60_000;
const POLL_MS = 15;
const PORT_ATTEMPTS = 5;
const UNSAFE_BUT_FAST = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

/**
 * Starts a PostgreSQL of our own on 127.0.0.1, as an unprivileged user when called by root, and waits until it accepts
 * connections. It ends with this process, even on SIGKILL. A leftover of an earlier killed parent on the same data is ended first.
 *
 * Throws LocalServerError: `no-binary`, `binary-too-old`, `data-version`, `data-in-use`, `port-in-use`, `start-failed`.
 *
 * @example
 * const server = await startPostgres({ dataDir: '/srv/gatehouse/postgres', durable: true, superuserPasswordFile: '/srv/gatehouse/pg.password' });
 * // psql "$server.url" with PGPASSWORD from that file
 * await server.stop();
 */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const account = unprivilegedAccount();
  const binaries = findPostgres(account);
  const dataDir = resolve(options.dataDir);
  const ownerFile = `${dataDir}.owner.json`;
  const logFile = options.logFile ?? `${dataDir}.log`;
  if ((await reapLeftover(ownerFile, `database folder ${dataDir}`)) === 'reaped') {
    options.onProgress?.('ended a PostgreSQL left behind by a killed parent');
  }
  if (options.port) await requireFreePort(options.port, 'PostgreSQL', 'choose another port');
  await createIfMissing(options, dataDir, binaries, account);
  rmSync(join(dataDir, 'postmaster.pid'), { force: true });

  const launch = async (port: number): Promise<SupervisedChild> => {
    const logStart = sizeOf(logFile);
    const child = await launchServer({ binaries, account, dataDir, logFile, port, options });
    writeOwnerFile(ownerFile, child);
    await waitUntilReady(child, dataDir, { file: logFile, start: logStart }, port);
    return child;
  };
  let { child, port } = await launchOnPort(options.port ?? 0, launch);

  return {
    get port() {
      return port;
    },
    get url() {
      return `postgres://${SUPERUSER}@127.0.0.1:${port}/postgres`;
    },
    get pid() {
      return child.pid;
    },
    dataDir,
    logFile,
    superuser: SUPERUSER,
    exited: () => child.exited,
    async stop() {
      await child.stop();
      removeOwnerFile(ownerFile);
    },
    async kill9() {
      if (child.running()) await killTree(child.pid);
      await child.exited;
    },
    async restart() {
      await child.stop();
      rmSync(join(dataDir, 'postmaster.pid'), { force: true });
      ({ child, port } = await launchOnPort(port, launch));
    },
  };
}

async function createIfMissing(
  options: PostgresOptions,
  dataDir: string,
  binaries: PostgresBinaries,
  account: ServerAccount,
) {
  const password = options.password ?? superuserPassword(options.superuserPasswordFile);
  if (!existsSync(dataDir)) options.onProgress?.(`creating a PostgreSQL ${binaries.version} database`);
  const auth = options.auth ?? 'scram-sha-256';
  const template = options.templateDir === undefined ? {} : { templateDir: options.templateDir };
  await ensureCluster({ dataDir, auth, password, durable: options.durable, ...template }, binaries, account);
}

function superuserPassword(file: string | undefined): string {
  if (file === undefined) return randomBytes(24).toString('base64url');
  if (existsSync(file)) return readFileSync(file, 'utf8').trim();
  const password = randomBytes(24).toString('base64url');
  writeFileSync(file, `${password}\n`, { mode: 0o600, flag: 'wx' });
  return password;
}

interface Launch {
  binaries: PostgresBinaries;
  account: ServerAccount;
  dataDir: string;
  logFile: string;
  port: number;
  options: PostgresOptions;
}

function launchServer({ binaries, account, dataDir, logFile, port, options }: Launch): Promise<SupervisedChild> {
  // No Unix socket: its path has a limit of 107 bytes, which a deep data folder exceeds.
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    ...(options.durable ? {} : UNSAFE_BUT_FAST),
    ...options.settings,
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return superviseChild({
    name: 'postgres',
    command: binaries.postgres,
    args: ['-D', dataDirArgument(dataDir, account), '-p', String(port), ...flags],
    cwd: dataDir,
    env: serverEnvironment(),
    output: { file: logFile },
    // SIGINT is a fast shutdown, SIGQUIT an immediate one without a checkpoint.
    stopSignal: options.durable ? 'SIGINT' : 'SIGQUIT',
    graceMs: 20_000,
    ...account,
  });
}

/** A free port may be taken between finding and binding it; only then is another one tried. */
async function launchOnPort(wanted: number, launch: (port: number) => Promise<SupervisedChild>) {
  for (let attempt = 1; ; attempt += 1) {
    const port = wanted === 0 ? await freePort() : wanted;
    try {
      return { port, child: await launch(port) };
    } catch (error) {
      const clash = error instanceof LocalServerError && error.code === 'port-in-use';
      if (wanted !== 0 || !clash || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

/** postmaster.pid, line 8, is the state pg_ctl waits for; line 1 must be our server's pid. */
async function waitUntilReady(child: SupervisedChild, dataDir: string, log: LogPart, port: number): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!isReady(dataDir, child.pid)) {
    if (!child.running()) throw startFailure(log, port);
    if (Date.now() > deadline) {
      await child.stop();
      throw new LocalServerError(
        'start-failed',
        `PostgreSQL was not ready in ${START_TIMEOUT_MS / 1000} s; see ${log.file}`,
      );
    }
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
}

/** What one server process wrote: the file is kept over restarts. */
interface LogPart {
  file: string;
  start: number;
}

function sizeOf(file: string): number {
  return existsSync(file) ? statSync(file).size : 0;
}

function isReady(dataDir: string, pid: number): boolean {
  try {
    const lines = readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n');
    return Number(lines[0]) === pid && lines[7]?.trim() === 'ready';
  } catch {
    return false;
  }
}

function startFailure(log: LogPart, port: number): LocalServerError {
  const text = tailOf(log.file, log.start);
  if (/could not bind .*Address already in use|could not create any TCP\/IP sockets/s.test(text)) {
    return new LocalServerError('port-in-use', `port ${port} (PostgreSQL) is already in use`);
  }
  return new LocalServerError('start-failed', `PostgreSQL did not start (log: ${log.file}):\n${text.trim()}`);
}
