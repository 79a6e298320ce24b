import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { connectBus, ensureTopology, eventStream, serve } from '@gatehouse/bus';
import { Connection } from '@gatehouse/config';
import { decide } from '@gatehouse/contracts';
import { createKeyFile, loadKeyFile, uuidv7 } from '@gatehouse/crypto';
import { migrate, type RunningService, startService } from '@gatehouse/service';
import {
  startTestNats,
  startTestPostgres,
  type TestNats,
  type TestPostgres,
  type TestPostgresOptions,
  tempDir,
  waitFor,
} from '@gatehouse/testing';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import pg from 'pg';
import { auditService } from '../src/app.module.js';
import { TestSource } from './test-source.js';

export const database = 'gatehouse';

/** PostgreSQL, NATS, the two other services' logs and audit's schema; audit itself is started by the test. */
export interface AuditGround {
  readonly postgres: TestPostgres;
  readonly nats: TestNats;
  readonly identity: TestSource;
  readonly policy: TestSource;
  readonly env: Record<string, string>;
  readonly pepper: ReturnType<typeof loadKeyFile>;
  /** The superuser, to look at and to tamper with what the service's roles may not touch. */
  readonly admin: pg.Pool;
  stop(): Promise<void>;
}

export async function prepareGround(options: TestPostgresOptions = {}): Promise<AuditGround> {
  const [postgres, nats] = await Promise.all([startTestPostgres(options), startTestNats()]);
  const adminUrl = await postgres.createDatabase(database);
  const files = tempDir('audit');
  const path = (name: string) => join(files.path, name);
  createKeyFile(path('pepper'), randomBytes(32));
  await migrate({
    service: 'audit',
    admin: new Connection(adminUrl, 'admin'),
    passwords: { request: 'request-password-1', system: 'system-password-1' },
    migrations: auditService.migrations,
  });
  const nc = await connectBus({ servers: nats.url, user: 'setup' });
  await ensureTopology(nc);
  await redeliverSoon(nc);
  await nc.close();
  const identity = await TestSource.create('identity', postgres, database, nats.url);
  const policy = await TestSource.create('policy', postgres, database, nats.url);
  const admin = new pg.Pool({ connectionString: adminUrl, max: 2 });
  admin.on('error', () => undefined);
  return {
    postgres,
    nats,
    identity,
    policy,
    admin,
    pepper: loadKeyFile(path('pepper')),
    env: {
      SERVICE_PORT: '0',
      DATABASE_URL: postgres.urlOf(database, 'gatehouse_audit'),
      DATABASE_SYSTEM_URL: postgres.urlOf(database, 'gatehouse_audit_system'),
      NATS_URL: nats.url,
      PEPPER_FILE: path('pepper'),
      LEDGER_KEY_FILE: path('ledger.pem'),
      LEDGER_HEAD_FILE: path('head/ledger-head.txt'),
      LOG_LEVEL: process.env.TEST_LOG_LEVEL ?? 'error',
    },
    async stop() {
      await Promise.all([identity.stop(), policy.stop()]);
      await admin.end();
      await Promise.all([postgres.stop(), nats.stop()]);
      files.remove();
    },
  };
}

/** What a killed consumer had in hand comes again after a second and not after five: tests kill often. */
async function redeliverSoon(nc: NatsConnection): Promise<void> {
  const manager = await jetstreamManager(nc);
  for (const durable of ['audit_ledger', 'audit_keys', 'audit_callers', 'audit_issuers'])
    await manager.consumers.update(eventStream.name, durable, { ack_wait: 1e9 });
}

export interface AuditStack extends AuditGround {
  service: RunningService;
  get(path: string, key?: string): Promise<Response>;
}

/** Audit in this process. Policy's answer to `audit.read` is a stand-in: it allows every caller but `nobody`. */
export async function startAudit(ground: AuditGround): Promise<AuditStack> {
  const asked: string[] = [];
  serve(ground.policy.nc, decide, async ({ subject, action, resource }) => {
    asked.push(`${subject.id} ${action} ${resource.type}/${resource.id}`);
    return { decision: subject.id !== 'nobody', id: uuidv7(Date.now()), reason: 'stand-in' };
  });
  const stack: AuditStack = {
    ...ground,
    service: await startService(auditService, ground.env),
    async get(path, key) {
      const base = await stack.service.app.getUrl();
      return fetch(`${base}${path}`, { headers: key ? { authorization: `Bearer ${key}` } : {} });
    },
    async stop() {
      await stack.service.stop();
      await ground.stop();
    },
  };
  return stack;
}

/** Waits until the ledger has at least so many entries, and answers how many. */
export const ledgerSize = (ground: AuditGround, atLeast: number, timeoutMs = 20_000): Promise<number> => {
  let size = 0;
  return waitFor(
    async () => {
      const { rows } = await ground.admin.query<{ size: string }>('select size::text from audit.ledger_head');
      size = Number(rows[0]?.size);
      return size >= atLeast;
    },
    { timeoutMs, message: () => `${atLeast} entries in the ledger, there are ${size}` },
  ).then(() => size);
};

/** Waits until a checkpoint covers so many entries. */
export const coveredSize = (ground: AuditGround, atLeast: number, timeoutMs = 20_000): Promise<number> =>
  waitFor(
    async () => {
      const { rows } = await ground.admin.query<{ size: string }>('select max(size)::text size from audit.checkpoints');
      return Number(rows[0]?.size ?? 0) >= atLeast && Number(rows[0]?.size);
    },
    { timeoutMs, message: `a checkpoint over ${atLeast} entries` },
  );
