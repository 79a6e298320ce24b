import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { connectBus, ensureTopology } from '@gatehouse/bus';
import { Connection } from '@gatehouse/config';
import { createKeyFile } from '@gatehouse/crypto';
import { migrate, type RunningService, startService } from '@gatehouse/service';
import { IdentityLog } from '@gatehouse/service-testing';
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
import { policyService } from '../src/app.module.js';

export const tenant = 'main';

export interface PolicyStack {
  readonly postgres: TestDatabases;
  /** The name of its database. */
  readonly database: string;
  readonly nats: TestNats;
  readonly identity: IdentityLog;
  readonly env: NodeJS.ProcessEnv;
  service: RunningService;
  readonly adminUrl: string;
  call(
    path: string,
    init?: { key?: string; method?: string; body?: unknown; headers?: Record<string, string> },
  ): Promise<Response>;
  ask(key: string, subject: string, action: string, resource: string): Promise<Response>;
  stop(): Promise<void>;
}

/** One whose PostgreSQL may be killed and restarted. */
export interface PolicyStackWithServer extends PolicyStack {
  readonly postgres: TestPostgres;
}

/** Policy alone, on a database and a NATS of its own, with identity's events published by the test. */
export const startPolicyStack = (settings: Record<string, string> = {}): Promise<PolicyStack> =>
  stackOn(openTestDatabases(), settings);

export const startPolicyStackWithServer = (settings: Record<string, string> = {}): Promise<PolicyStackWithServer> =>
  stackOn(startTestPostgres(), settings);

const passwords = { request: 'request-password-1', system: 'system-password-1' };
const migrated = (url: string) =>
  migrate({
    service: 'policy',
    admin: new Connection(url, 'admin'),
    passwords,
    migrations: policyService.migrations,
  });

async function stackOn<Postgres extends TestDatabases>(
  server: Promise<Postgres>,
  settings: Record<string, string>,
): Promise<PolicyStack & { readonly postgres: Postgres }> {
  const [postgres, nats] = await Promise.all([server, startTestNats()]);
  const adminUrl = await postgres.createDatabase('gatehouse', { name: 'policy', prepare: migrated });
  const database = new URL(adminUrl).pathname.slice(1);
  const files = tempDir('policy');
  const pepper = randomBytes(32);
  const pepperFile = join(files.path, 'pepper');
  createKeyFile(pepperFile, pepper);
  const nc = await connectBus({ servers: nats.url, user: 'setup' });
  await ensureTopology(nc);
  const env = {
    SERVICE_PORT: '0',
    DATABASE_URL: postgres.urlOf(database, 'gatehouse_policy'),
    DATABASE_SYSTEM_URL: postgres.urlOf(database, 'gatehouse_policy_system'),
    NATS_URL: nats.url,
    PEPPER_FILE: pepperFile,
    METADATA_KEY_FILE: join(files.path, 'metadata.pem'),
    LOG_LEVEL: 'error',
    ...settings,
  };
  const stack: PolicyStack & { readonly postgres: Postgres } = {
    postgres,
    database,
    nats,
    identity: new IdentityLog(nc, pepper),
    env,
    service: await startService(policyService, env),
    adminUrl,
    async call(path, { key, method, body, headers } = {}) {
      const base = await stack.service.app.getUrl();
      return fetch(`${base}${path}`, {
        method: method ?? (body === undefined ? 'GET' : 'POST'),
        headers: {
          ...(key && { authorization: `Bearer ${key}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
    },
    ask: (key, subject, action, resource) =>
      stack.call('/access/v1/evaluation', { key, body: question(subject, action, resource) }),
    async stop() {
      await stack.service.stop();
      await nc.close();
      await Promise.all([postgres.stop(), nats.stop()]);
      files.remove();
    },
  };
  return stack;
}

const entity = (text: string) => {
  const slash = text.indexOf('/');
  return { type: text.slice(0, slash), id: text.slice(slash + 1) };
};

export const question = (subject: string, action: string, resource: string) => ({
  subject: entity(subject),
  action: { name: action },
  resource: resource.includes('/') ? entity(resource) : { type: 'scope', id: resource },
});

/**
 * Waits until policy knows a key and its grants, which come one after the other: an empty question of who may ask is refused for
 * itself, one of others for the asking.
 *
 * @param status what the key's roles lead to in the end
 */
export const untilKnown = (stack: PolicyStack, key: string, status: 400 | 403 = 400) =>
  waitFor(async () => (await stack.call('/access/v1/evaluation', { key, body: {} })).status === status, {
    message: 'policy learns the key',
  });
