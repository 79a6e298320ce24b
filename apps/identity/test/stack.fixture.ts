import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { connectBus, ensureTopology, serve } from '@gatehouse/bus';
import { Connection } from '@gatehouse/config';
import { type DecideRequest, decide } from '@gatehouse/contracts';
import { createKeyFile } from '@gatehouse/crypto';
import { migrate, startService } from '@gatehouse/service';
import {
  openTestDatabases,
  type SupervisedChild,
  startTestNats,
  startTestPostgres,
  superviseChild,
  type TestDatabases,
  type TestNats,
  type TestPostgres,
  tempDir,
  waitFor,
} from '@gatehouse/testing';
import { jest } from '@jest/globals';
import pg from 'pg';
import { identityService } from '../src/app.module.js';

const program = fileURLToPath(new URL('../src/main.js', import.meta.url));

/** Real servers, a migrated schema and key files; `policy` stands in for the other service that answers decisions. */
export interface Stack {
  readonly postgres: TestDatabases;
  /** The name of its database. */
  readonly database: string;
  readonly nats: TestNats;
  readonly folder: string;
  readonly policy: PolicyStandIn;
  /** The environment of a healthy replica. */
  env(changes?: Record<string, string>): NodeJS.ProcessEnv;
  /** The URL under which the request role logs in, on the server's own port or on a proxy's. */
  databaseUrl(port?: number): string;
  /** Runs an operator's command in this process, which starts faster. */
  command(args: readonly string[], changes?: Record<string, string>): Promise<Finished>;
  /** Runs a command as a process of its own, to its end. */
  run(args: readonly string[], changes?: Record<string, string>): Promise<Finished>;
  /**
   * Starts a replica in this process, which spares loading its program, and waits until it is ready. Two of them share
   * what modules keep: where that could matter, one is served apart.
   */
  serve(changes?: Record<string, string>): Promise<Replica>;
  /** Starts a replica as a process of its own, which can be killed and whose whole output is seen. */
  serveApart(changes?: Record<string, string>): Promise<ReplicaApart>;
  /** Starts a replica and waits for nothing. */
  launch(changes?: Record<string, string>, args?: readonly string[]): Promise<Launched>;
  /** `bootstrap` of a tenant; answers what stands in its file. */
  bootstrap(tenantId?: string, more?: readonly string[]): Promise<FirstOwner>;
  /** A connection of the superuser: sees everything, whatever row-level security says. */
  superuser<T extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<T[]>;
  /** Stops every replica that still runs. */
  stopReplicas(): Promise<void>;
  stop(): Promise<void>;
}

/** A stack whose PostgreSQL may be killed, restarted and read, and keeps what it has committed. */
export interface StackWithServer extends Stack {
  readonly postgres: TestPostgres;
}

export interface FirstOwner {
  readonly tenantId: string;
  readonly ownerId: string;
  readonly setupToken: string;
  readonly setupExpiresAt: string;
  readonly operatorKey: string;
}

export interface Finished {
  readonly code: number | null;
  readonly output: string;
}

export interface Launched {
  readonly child: SupervisedChild;
  /** Everything it has written so far, both streams. */
  log(): string;
}

export interface Replica {
  readonly address: string;
  /** Everything it has logged so far. */
  log(): string;
  stop(): Promise<unknown>;
}

export interface ReplicaApart extends Replica, Launched {}

export interface PolicyStandIn {
  readonly asked: DecideRequest[];
  /** Answers `false` for what this matches; everything else is allowed. */
  denies: (request: DecideRequest) => boolean;
  stop(): Promise<void>;
}

export const startStack = (): Promise<Stack> => stackOn(openTestDatabases());

export const startStackWithServer = (): Promise<StackWithServer> => stackOn(startTestPostgres({ durable: true }));

async function stackOn<Postgres extends TestDatabases>(
  server: Promise<Postgres>,
): Promise<Stack & { readonly postgres: Postgres }> {
  const dir = tempDir('gatehouse-identity-');
  const [postgres, nats] = await Promise.all([server, startTestNats()]);
  const databaseUrl = await postgres.createDatabase('gatehouse', { name: 'identity', prepare: migrated });
  const database = new URL(databaseUrl).pathname.slice(1);
  const [pepper, root] = [join(dir.path, 'pepper'), join(dir.path, 'root-key')];
  createKeyFile(pepper, randomBytes(32));
  createKeyFile(root, randomBytes(32));
  const policy = await startPolicy(nats.url);
  const login = (user: string, port = postgres.port) =>
    `postgres://${user}:${passwordOf(user)}@127.0.0.1:${port}/${database}`;
  const env = (changes: Record<string, string> = {}): NodeJS.ProcessEnv => ({
    PATH: process.env.PATH,
    SERVICE_PORT: '0',
    DATABASE_URL: login('gatehouse_identity'),
    DATABASE_SYSTEM_URL: login('gatehouse_identity_system'),
    ADMIN_DATABASE_URL: databaseUrl,
    NATS_URL: nats.url,
    PEPPER_FILE: pepper,
    ROOT_KEY_FILE: root,
    LOG_LEVEL: 'debug',
    ...changes,
  });
  const launch: Stack['launch'] = async (changes, args = ['serve']) => {
    const child = await superviseChild({
      name: 'identity',
      command: process.execPath,
      args: [program, ...args],
      env: env(changes),
      output: 'pipe',
    });
    return { child, log: collect(child) };
  };
  const run: Stack['run'] = async (args, changes) => {
    const { child, log } = await launch(changes, args);
    const { code } = await child.exited;
    return { code, output: log() };
  };
  const replicas: { stop(): Promise<unknown> }[] = [];
  const stopReplicas = async () => void (await Promise.all(replicas.splice(0).map((each) => each.stop())));
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 });
  pool.on('error', () => undefined);
  const command: Stack['command'] = (args, changes) => inThisProcess(args, env(changes));

  return {
    postgres,
    database,
    nats,
    folder: dir.path,
    policy,
    env,
    databaseUrl: (port) => login('gatehouse_identity', port),
    command,
    run,
    launch,
    async serve(changes) {
      const replica = await serveHere(env(changes));
      replicas.push(replica);
      return replica;
    },
    async serveApart(changes) {
      const launched = await launch(changes);
      replicas.push(launched.child);
      return ready(launched);
    },
    async bootstrap(tenantId = 'main', more = []) {
      const out = join(dir.path, `${tenantId}-first-owner.json`);
      const { code, output } = await command([
        'bootstrap',
        '--email',
        `owner@${tenantId}.localhost`,
        '--tenant',
        tenantId,
        '--out',
        out,
        ...more,
      ]);
      if (code !== 0) throw new Error(output);
      return JSON.parse(readFileSync(out, 'utf8')) as FirstOwner;
    },
    superuser: async <T extends pg.QueryResultRow>(text: string, values: unknown[] = []) =>
      (await pool.query<T>(text, values)).rows,
    stopReplicas,
    async stop() {
      await stopReplicas();
      await policy.stop();
      await pool.end();
      await Promise.all([postgres.stop(), nats.stop()]);
      dir.remove();
    },
  };
}

const migrated = (url: string) =>
  migrate({
    service: 'identity',
    admin: new Connection(url, 'test'),
    passwords: { request: passwordOf('gatehouse_identity'), system: passwordOf('gatehouse_identity_system') },
    migrations: identityService.migrations,
  });

const passwordOf = (user: string): string => `secret-of-${user}`;

/** What `runService` does with a command, but for the exit. */
async function inThisProcess([name = '', ...args]: readonly string[], env: NodeJS.ProcessEnv): Promise<Finished> {
  let output = '';
  const stdout = jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
    output += String(text);
    return true;
  });
  try {
    await identityService.commands?.[name]?.({ env, args, definition: identityService });
    return { code: 0, output };
  } catch (error) {
    return { code: 1, output: output + (error as Error).message };
  } finally {
    stdout.mockRestore();
  }
}

async function startPolicy(url: string): Promise<PolicyStandIn> {
  const nc = await connectBus({ servers: url, user: 'policy' });
  await ensureTopology(nc);
  const policy: PolicyStandIn = { asked: [], denies: () => false, stop: () => nc.close() };
  serve(nc, decide, async (request) => {
    policy.asked.push(request);
    return { decision: !policy.denies(request), id: decisionId(policy.asked.length), reason: 'stand-in' };
  });
  return policy;
}

/** The id of the n-th decision that was asked for. */
export const decisionId = (n: number): string => `0190a1b2-0000-7000-8000-${String(n).padStart(12, '0')}`;

function collect({ stdout, stderr }: SupervisedChild): () => string {
  const chunks: string[] = [];
  for (const stream of [stdout, stderr])
    if (stream) createInterface({ input: stream }).on('line', (line) => chunks.push(line));
  return () => chunks.join('\n');
}

/** A start takes two seconds, and many times that on a machine which is busy with other specs. */
const startTimeoutMs = 50_000;

/** The end of a log, for the message of a test that fails. */
export const tail = (replica: Pick<Replica, 'log'>): string => replica.log().split('\n').slice(-8).join('\n');

async function serveHere(env: NodeJS.ProcessEnv): Promise<Replica> {
  let written = '';
  const write = (line: string) => {
    written += line;
  };
  const { app, stop } = await startService(identityService, env, { write });
  let stopped: Promise<void> | undefined;
  const replica: Replica = {
    address: await app.getUrl(),
    log: () => written,
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
  return untilReady(replica).catch((error: Error) => replica.stop().then(() => Promise.reject(error)));
}

async function ready(launched: Launched): Promise<ReplicaApart> {
  const { child, log } = launched;
  const message = () => tail(launched);
  const address = await waitFor(
    () => {
      if (!child.running()) throw new Error(message());
      return /"address":"([^"]+)"/.exec(log())?.[1];
    },
    { message, timeoutMs: startTimeoutMs },
  );
  return untilReady({ ...launched, address, stop: () => child.stop() });
}

async function untilReady<R extends Replica>(replica: R): Promise<R> {
  const message = () => tail(replica);
  await waitFor(async () => (await fetch(`${replica.address}/readyz`)).ok, { message, timeoutMs: startTimeoutMs });
  return replica;
}
