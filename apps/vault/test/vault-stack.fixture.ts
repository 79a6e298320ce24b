import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { call, connectBus, ensureTopology } from '@gatehouse/bus';
import { decide } from '@gatehouse/contracts';
import { createKeyFile } from '@gatehouse/crypto';
import { type RunningService, startService } from '@gatehouse/service';
import { IdentityLog, type RunningProgram, runProgram } from '@gatehouse/service-testing';
import {
  openTestDatabases,
  startTestNats,
  startTestPostgres,
  type TestDatabases,
  type TestNats,
  type TestPostgres,
  tempDir,
  waitFor,
} from '@gatehouse/testing';
import pg from 'pg';
import { vaultService } from '../src/app.module.js';
import { databaseOf, programOf, schemas } from './databases.fixture.js';

export interface Call {
  readonly key?: string;
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Parsed, where it is JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: answers of every route, of which each test reads what it knows
  readonly body: any;
}

/** A caller that policy and vault know. */
export interface Somebody {
  readonly tenantId: string;
  readonly id: string;
  readonly key: string;
  readonly keyId: string;
}

/** Vault in this process, policy as a process, a database and a NATS; identity's events come from the test. */
export interface VaultStack {
  readonly postgres: TestDatabases;
  readonly nats: TestNats;
  readonly folder: string;
  readonly adminUrl: string;
  readonly env: NodeJS.ProcessEnv;
  readonly identity: IdentityLog;
  readonly policy: RunningProgram;
  service: RunningService;
  /** Sees everything, whatever row-level security says. */
  readonly superuser: pg.Pool;
  call(path: string, call?: Call): Promise<Answer>;
  /** A service with a `mas_` key and these roles on the whole tenant, once policy and vault know it. */
  somebody(tenantId: string, name: string, roles: readonly string[]): Promise<Somebody>;
  /** Stops vault and starts it again on the same servers. */
  restart(settings?: Readonly<Record<string, string>>): Promise<void>;
  stop(): Promise<void>;
}

type Settings = Readonly<Record<string, string>>;

/** One whose PostgreSQL nobody else uses. */
export interface VaultStackWithServer extends VaultStack {
  readonly postgres: TestPostgres;
}

export const startVaultStack = (settings: Settings = {}): Promise<VaultStack> => stackOn(openTestDatabases(), settings);

export const startVaultStackWithServer = (settings: Settings = {}): Promise<VaultStackWithServer> =>
  stackOn(startTestPostgres(), settings);

async function stackOn<Postgres extends TestDatabases>(
  server: Promise<Postgres>,
  settings: Settings,
): Promise<VaultStack & { readonly postgres: Postgres }> {
  const [postgres, nats] = await Promise.all([server, startTestNats()]);
  const adminUrl = await postgres.createDatabase('gatehouse', schemas);
  const database = databaseOf(adminUrl);
  const files = tempDir('vault');
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
  const env = {
    SERVICE_PORT: '0',
    DATABASE_URL: postgres.urlOf(database, 'gatehouse_vault'),
    DATABASE_SYSTEM_URL: postgres.urlOf(database, 'gatehouse_vault_system'),
    NATS_URL: nats.url,
    PEPPER_FILE: pepperFile,
    SEAL_KEY_FILE: join(files.path, 'seal.key'),
    LOG_LEVEL: 'error',
    ...settings,
  };
  const superuser = new pg.Pool({ connectionString: adminUrl, max: 2 });
  superuser.on('error', () => undefined);
  const stack: VaultStack & { readonly postgres: Postgres } = {
    postgres,
    nats,
    folder: files.path,
    adminUrl,
    env,
    identity: new IdentityLog(nc, pepper),
    policy,
    service: await startService(vaultService, env),
    superuser,
    call: (path, call) => send(stack.service, path, call),
    async somebody(tenantId, name, roles) {
      const somebody = await introduce(stack, tenantId, name, roles);
      await settle(stack, nc);
      return somebody;
    },
    async restart(changes = {}) {
      await stack.service.stop();
      stack.service = await startService(vaultService, { ...env, ...changes });
    },
    async stop() {
      await stack.service.stop();
      await policy.stop();
      await superuser.end();
      await nc.close();
      await Promise.all([postgres.stop(), nats.stop()]);
      files.remove();
    },
  };
  return stack;
}

async function send({ app }: RunningService, path: string, { key, method, body, headers }: Call = {}): Promise<Answer> {
  const answer = await fetch(`${await app.getUrl()}${path}`, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      ...(key && { authorization: `Bearer ${key}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  const isJson = answer.headers.get('content-type')?.includes('json');
  return { status: answer.status, headers: answer.headers, text, body: isJson && text ? JSON.parse(text) : undefined };
}

async function introduce(
  stack: VaultStack,
  tenantId: string,
  name: string,
  roles: readonly string[],
): Promise<Somebody> {
  const { key, keyId } = await stack.identity.createKey(tenantId, name, roles);
  const known = async () => (await send(stack.service, '/api/v1/vault/whoami', { key })).status === 200;
  await waitFor(known, { timeoutMs: 60_000, message: `vault knows the key of ${name}` });
  if (roles.length > 0) {
    const granted = async () => {
      const { rows } = await stack.superuser.query(
        `select from policy.grants where tenant_id = $1 and subject_id = $2 and active`,
        [tenantId, name],
      );
      return rows.length >= roles.length;
    };
    await waitFor(granted, { timeoutMs: 60_000, message: `policy knows the roles of ${name}` });
  }
  return { tenantId, id: name, key, keyId };
}

/** Until policy decides on all that its log says: a grant that is in its table may not be in its memory yet. */
async function settle({ superuser }: VaultStack, nc: Parameters<typeof call>[0]): Promise<void> {
  const { rows } = await superuser.query<{ position: string }>(
    `select tx || '.' || seq as position from policy.events order by tx desc, seq desc limit 1`,
  );
  const [last] = rows;
  if (!last) return;
  const subject = { type: 'service', id: 'settle' };
  const question = { tenantId: 'settle', subject, action: 'secret.read', resource: { type: 'secret', id: 'none' } };
  await call(nc, decide, { ...question, caller: subject, minPosition: last.position });
}
