import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { connectBus, ensureTopology } from '@gatehouse/bus';
import { createKeyFile } from '@gatehouse/crypto';
import { IdentityLog, runProgram } from '@gatehouse/service-testing';
import {
  openTestDatabases,
  type SupervisedChild,
  startTestNats,
  superviseChild,
  tempDir,
  waitFor,
} from '@gatehouse/testing';
import pg from 'pg';
import { databaseOf, programOf, schemas } from './databases.fixture.js';
import { type PgProxy, startPgProxy } from './pg-proxy.fixture.js';
import { startTarget, type TargetServer } from './target.fixture.js';

type Call = (
  path: string,
  body?: unknown,
  method?: string,
) => Promise<{ status: number; body: Record<string, unknown> }>;

/** One process of the vault. */
interface VaultProcess {
  readonly child: SupervisedChild;
  readonly call: Call;
  log(): string;
}

/** The vault as a process that can be killed, between two databases whose statements can be stopped. */
export interface LeaseProcess {
  readonly target: TargetServer;
  /** In front of the vault's own database, and of the target. */
  readonly ownProxy: PgProxy;
  readonly targetProxy: PgProxy;
  readonly superuser: pg.Pool;
  readonly call: Call;
  kill9(): Promise<void>;
  /** Until it knows its callers again. */
  start(): Promise<void>;
  /** Another process on the same databases; ended with the first one. */
  startReplica(): Promise<Call>;
  log(): string;
  stop(): Promise<void>;
}

export async function startLeaseProcess(): Promise<LeaseProcess> {
  const [postgres, nats, target] = await Promise.all([openTestDatabases(), startTestNats(), startTarget()]);
  const adminUrl = await postgres.createDatabase('gatehouse', schemas);
  const files = tempDir('leases');
  const pepper = randomBytes(32);
  const pepperFile = join(files.path, 'pepper');
  createKeyFile(pepperFile, pepper);
  const nc = await connectBus({ servers: nats.url, user: 'setup' });
  await ensureTopology(nc);
  const policy = await runProgram({
    name: 'policy',
    program: programOf('policy'),
    postgres,
    adminUrl,
    natsUrl: nats.url,
    pepperFile,
    migrated: true,
    settings: { METADATA_KEY_FILE: join(files.path, 'metadata.pem') },
  });
  const [ownProxy, targetProxy] = [await startPgProxy(postgres.port), await startPgProxy(target.server.port)];
  const login = (user: string) => `postgres://${user}@127.0.0.1:${ownProxy.port}/${databaseOf(adminUrl)}`;
  const env = {
    PATH: process.env.PATH,
    SERVICE_PORT: '0',
    DATABASE_URL: login('gatehouse_vault'),
    DATABASE_SYSTEM_URL: login('gatehouse_vault_system'),
    NATS_URL: nats.url,
    PEPPER_FILE: pepperFile,
    SEAL_KEY_FILE: join(files.path, 'seal.key'),
    LOG_LEVEL: 'info',
    DATABASES_ON_LOOPBACK: 'true',
    LEASE_SCAN_SECONDS: '1',
    LEASE_GRACE_SECONDS: '1',
    LEASE_ALARM_AFTER: '3',
  };
  const superuser = new pg.Pool({ connectionString: adminUrl, max: 2 });
  superuser.on('error', () => undefined);
  const { key } = await new IdentityLog(nc, pepper).createKey('acme', 'ann', ['admin']);
  const startVault = async (): Promise<VaultProcess> => {
    let log = '';
    const child = await superviseChild({
      name: 'vault',
      command: process.execPath,
      args: [programOf('vault'), 'serve'],
      env,
      output: 'pipe',
    });
    for (const output of [child.stdout, child.stderr]) output?.on('data', (chunk) => (log += String(chunk)));
    const options = { timeoutMs: 90_000, message: () => log.slice(-1_000) };
    const address = await waitFor(() => /"address":"([^"]+)"/.exec(log)?.[1], options);
    const call: Call = async (path, body, method = body === undefined ? 'GET' : 'POST') => {
      const answer = await fetch(`${address}/api/v1/vault/${path}`, {
        method,
        headers: { authorization: `Bearer ${key}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      return { status: answer.status, body: text === '' ? {} : JSON.parse(text) };
    };
    await waitFor(async () => (await call('databases')).status === 200, options);
    return { child, call, log: () => log };
  };
  let vault = await startVault();
  const replicas: VaultProcess[] = [];
  return {
    target,
    ownProxy,
    targetProxy,
    superuser,
    call: (...asked) => vault.call(...asked),
    log: () => vault.log(),
    async kill9() {
      await vault.child.kill9();
    },
    async start() {
      vault = await startVault();
    },
    async startReplica() {
      const replica = await startVault();
      replicas.push(replica);
      return replica.call;
    },
    async stop() {
      await Promise.all([vault, ...replicas].map(({ child }) => child.stop()));
      await policy.stop();
      await superuser.end();
      await nc.close();
      await Promise.all([ownProxy.close(), targetProxy.close()]);
      await Promise.all([target.stop(), postgres.stop(), nats.stop()]);
      files.remove();
    },
  };
}

/** What log and target say when nothing is under way any more. */
export interface Settled {
  /** Usernames of leases that the log has as active, in order. */
  readonly active: readonly string[];
  /** Roles of leases that the target has, in order. */
  readonly roles: readonly string[];
}

/** Waits until the keeper has nothing left to finish. */
export async function settled({ superuser, target, log }: LeaseProcess): Promise<Settled> {
  const active = async () => {
    const { rows } = await superuser.query<{ username: string; status: string }>(
      `select username, status from vault.leases where status in ('requested', 'active', 'renewing', 'revoking')
       order by username`,
    );
    return rows.every(({ status }) => status === 'active') && rows.map(({ username }) => username);
  };
  return waitFor(
    async () => {
      const usernames = await active();
      const roles = await target.leased();
      return usernames && usernames.join() === roles.join() && { active: usernames, roles };
    },
    { timeoutMs: 60_000, message: () => `log and target agree; ${log().slice(-2_000)}` },
  );
}
