import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { resolve } from 'node:path';
import { LocalServerError } from './local-server-error.js';
import { reapLeftover, removeOwnerFile, writeOwnerFile } from './owner-file.js';
import { freePort, requireFreePort } from './ports.js';
import { type ChildExit, type SupervisedChild, superviseChild } from './supervise-child.js';
import { tailOf } from './tail-of.js';

export interface NatsOptions {
  /** The nats-server program; see `findNatsServer`. */
  binary: string;
  /** JetStream's folder, made on first use. */
  storeDir: string;
  /** 0 (default) takes a free port. */
  port?: number;
  /** Text of a configuration file (users, limits), written to `<storeDir>.conf` with mode 0600. */
  config?: string;
  /** Or an existing configuration file. Address, port and store folder are always ours. */
  configFile?: string;
  /** Default `<storeDir>.log`. */
  logFile?: string;
}

export interface NatsServer {
  readonly port: number;
  /** `nats://127.0.0.1:PORT` */
  readonly url: string;
  readonly storeDir: string;
  readonly logFile: string;
  /** Changes on restart. */
  readonly pid: number;
  /** Resolves when the present server process ends, whoever ended it. */
  exited(): Promise<ChildExit>;
  stop(): Promise<void>;
  kill9(): Promise<void>;
  /** Starts it again on the same port and data, stopping it first if it runs. */
  restart(): Promise<void>;
  /** SIGSTOP: connections stay open and nothing is answered, as in a network partition. */
  pause(): void;
  resume(): void;
}

const START_TIMEOUT_MS = 30_000;
const POLL_MS = 15;
const PROBE_TIMEOUT_MS = 500;
const PORT_ATTEMPTS = 5;

/**
 * Starts a nats-server with JetStream on 127.0.0.1 and waits until it greets a client. It ends with this process, even on SIGKILL.
 *
 * Throws LocalServerError: `data-in-use`, `port-in-use`, `start-failed` (with the end of the server's log).
 *
 * @example
 * const nats = await startNats({ binary, storeDir: '/srv/gatehouse/nats', port: 4222, config: 'max_payload: 4MB' });
 * await nats.stop();
 */
export async function startNats(options: NatsOptions): Promise<NatsServer> {
  const storeDir = resolve(options.storeDir);
  const ownerFile = `${storeDir}.owner.json`;
  const logFile = options.logFile ?? `${storeDir}.log`;
  mkdirSync(storeDir, { recursive: true, mode: 0o700 });
  await reapLeftover(ownerFile, `NATS folder ${storeDir}`);
  if (options.port) await requireFreePort(options.port, 'NATS', 'choose another port');
  const configFile = writeConfig(options, storeDir);

  const launch = async (port: number): Promise<SupervisedChild> => {
    const args = ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', storeDir];
    if (configFile !== undefined) args.push('-c', configFile);
    const output = { file: logFile };
    const child = await superviseChild({ name: 'nats-server', command: options.binary, args, cwd: storeDir, output });
    writeOwnerFile(ownerFile, child);
    await waitUntilReady(child, logFile, port);
    return child;
  };
  let { child, port } = await launchOnPort(options.port ?? 0, launch);

  return {
    get port() {
      return port;
    },
    get url() {
      return `nats://127.0.0.1:${port}`;
    },
    get pid() {
      return child.pid;
    },
    storeDir,
    logFile,
    exited: () => child.exited,
    async stop() {
      await child.stop();
      removeOwnerFile(ownerFile);
    },
    async kill9() {
      await child.kill9();
    },
    async restart() {
      await child.stop();
      ({ child, port } = await launchOnPort(port, launch));
    },
    pause: () => child.signal('SIGSTOP'),
    resume: () => child.signal('SIGCONT'),
  };
}

function writeConfig(options: NatsOptions, storeDir: string): string | undefined {
  if (options.config === undefined) return options.configFile;
  const file = `${storeDir}.conf`;
  writeFileSync(file, options.config, { mode: 0o600 });
  return file;
}

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

async function waitUntilReady(child: SupervisedChild, logFile: string, port: number): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!(await greets(port))) {
    if (!child.running()) throw startFailure(logFile, port);
    if (Date.now() > deadline) {
      await child.stop();
      throw new LocalServerError(
        'start-failed',
        `NATS was not ready after ${START_TIMEOUT_MS / 1000} s; see ${logFile}`,
      );
    }
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
  // Somebody else's NATS may answer on the port while ours failed to bind it.
  if (!child.running()) throw startFailure(logFile, port);
}

/** A NATS server speaks first: `INFO {...}`. */
function greets(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect({ host: '127.0.0.1', port });
    const finish = (answer: boolean) => {
      socket.destroy();
      done(answer);
    };
    socket.setTimeout(PROBE_TIMEOUT_MS, () => finish(false));
    socket.once('error', () => finish(false));
    socket.once('data', (data) => finish(data.toString('latin1').startsWith('INFO ')));
  });
}

function startFailure(logFile: string, port: number): LocalServerError {
  const log = existsSync(logFile) ? tailOf(logFile) : '';
  if (/bind: address already in use/.test(log)) {
    return new LocalServerError('port-in-use', `port ${port} (NATS) is already in use`);
  }
  return new LocalServerError('start-failed', `NATS did not start (log: ${logFile}):\n${log.trim()}`);
}
