import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { connectBus, ensureTopology } from '@gatehouse/bus';
import { Connection } from '@gatehouse/config';
import { createKeyFile } from '@gatehouse/crypto';
import { migrate, type RunningService, type ServiceDefinition, startService } from '@gatehouse/service';
import {
  openTestDatabases,
  startTestNats,
  type Template,
  type TestDatabases,
  type TestNats,
  type TestPostgres,
  tempDir,
  waitFor,
} from '@gatehouse/testing';
import type { NatsConnection } from '@nats-io/transport-node';
import pg from 'pg';
import { IdentityLog } from './identity-log.js';
import { migrateProgram, type RunningProgram, runProgram } from './program.js';

export interface Call {
  readonly key?: string | undefined;
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

/** A caller with a key. */
export interface Somebody {
  readonly tenantId: string;
  readonly id: string;
  readonly key: string;
  readonly keyId: string;
}

// The definition's own settings do not matter here.
type AnyService = ServiceDefinition<never>;

export interface ServiceStackOptions {
  readonly service: unknown;
  /** Where policy's built program is. */
  readonly policyProgram: string;
  /** A route of the service that any caller may ask, and whose answer to an unknown one is 401. */
  readonly knownAt: string;
  readonly settings?: (files: string) => Readonly<Record<string, string>>;
  /** A PostgreSQL of its own, to be killed. Else databases of one that others may use. */
  readonly server?: TestPostgres;
}

/** A database with the schemas of a service and of policy. */
const schemasOf = ({ name, migrations }: AnyService, policyProgram: string): Template => ({
  name,
  async prepare(adminUrl) {
    await migrateProgram({ name: 'policy', program: policyProgram, adminUrl });
    const passwords = { request: 'request-password-1', system: 'system-password-1' };
    await migrate({ service: name, admin: new Connection(adminUrl, 'admin'), passwords, migrations });
  },
});

/** One service in this process, policy as a process, a database and a NATS; identity's events come from the test. */
export class ServiceStack {
  private constructor(
    readonly postgres: TestDatabases,
    readonly nats: TestNats,
    readonly nc: NatsConnection,
    readonly folder: string,
    readonly adminUrl: string,
    readonly pepper: Buffer,
    readonly env: NodeJS.ProcessEnv,
    readonly identity: IdentityLog,
    readonly policy: RunningProgram,
    /** Sees everything, whatever row-level security says. */
    readonly superuser: pg.Pool,
    private readonly options: ServiceStackOptions,
    private readonly remove: () => void,
    public service: RunningService,
  ) {}

  static async start(options: ServiceStackOptions): Promise<ServiceStack> {
    const [postgres, nats] = await Promise.all([options.server ?? openTestDatabases(), startTestNats()]);
    const service = options.service as AnyService;
    const adminUrl = await postgres.createDatabase('gatehouse', schemasOf(service, options.policyProgram));
    const database = new URL(adminUrl).pathname.slice(1);
    const files = tempDir(service.name);
    const pepper = randomBytes(32);
    const pepperFile = join(files.path, 'pepper');
    createKeyFile(pepperFile, pepper);
    const nc = await connectBus({ servers: nats.url, user: 'setup' });
    await ensureTopology(nc);
    const policy = await runProgram({
      ...{ name: 'policy', program: options.policyProgram, postgres, adminUrl, natsUrl: nats.url, pepperFile },
      migrated: true,
      settings: { METADATA_KEY_FILE: join(files.path, 'metadata.pem') },
    });
    const env = {
      SERVICE_PORT: '0',
      DATABASE_URL: postgres.urlOf(database, `gatehouse_${service.name}`),
      DATABASE_SYSTEM_URL: postgres.urlOf(database, `gatehouse_${service.name}_system`),
      NATS_URL: nats.url,
      PEPPER_FILE: pepperFile,
      LOG_LEVEL: 'error',
      ...options.settings?.(files.path),
    };
    const superuser = new pg.Pool({ connectionString: adminUrl, max: 2 });
    superuser.on('error', () => undefined);
    const identity = new IdentityLog(nc, pepper);
    const running = await startService(service, env);
    return new ServiceStack(
      ...([postgres, nats, nc, files.path, adminUrl, pepper, env, identity, policy, superuser] as const),
      ...([options, () => files.remove(), running] as const),
    );
  }

  async call(path: string, { key, method, body, headers }: Call = {}): Promise<Answer> {
    const answer = await fetch(`${await this.service.app.getUrl()}${path}`, {
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
    const parsed = isJson && text ? JSON.parse(text) : undefined;
    return { status: answer.status, headers: answer.headers, text, body: parsed };
  }

  /** A service with a `mas_` key and these roles on the whole tenant, once policy and the service know it. */
  async somebody(tenantId: string, name: string, roles: readonly string[], extra: object = {}): Promise<Somebody> {
    const { key, keyId } = await this.identity.createKey(tenantId, name, roles, extra);
    const known = async () => (await this.call(this.options.knownAt, { key })).status !== 401;
    await waitFor(known, { timeoutMs: 60_000, message: `the key of ${name} is known` });
    const granted = async () => {
      const { rows } = await this.superuser.query(
        'select from policy.grants where tenant_id = $1 and subject_id = $2 and active',
        [tenantId, name],
      );
      return rows.length >= roles.length;
    };
    await waitFor(granted, { timeoutMs: 60_000, message: `policy knows the roles of ${name}` });
    return { tenantId, id: name, key, keyId };
  }

  /** Stops the service and starts it again on the same servers. */
  async restart(changes: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.service.stop();
    this.service = await startService(this.options.service as AnyService, { ...this.env, ...changes });
    const isReady = async () => (await this.call('/readyz')).status === 200;
    await waitFor(isReady, { timeoutMs: 60_000, message: 'the service is ready again' });
  }

  async stop(): Promise<void> {
    await this.service.stop();
    await this.policy.stop();
    await this.superuser.end();
    await this.nc.close();
    await Promise.all([this.postgres.stop(), this.nats.stop()]);
    this.remove();
  }
}
