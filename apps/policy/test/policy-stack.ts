import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { connectBus, createPublisher, ensureTopology } from '@gatehouse/bus';
import { Connection } from '@gatehouse/config';
import { type Position, startPosition } from '@gatehouse/contracts';
import { canonicalJson, createKeyFile, displayPrefix, generateKey, keyFingerprint, uuidv7 } from '@gatehouse/crypto';
import { migrate, type RunningService, startService } from '@gatehouse/service';
import {
  startTestNats,
  startTestPostgres,
  type TestNats,
  type TestPostgres,
  tempDir,
  waitFor,
} from '@gatehouse/testing';
import type { NatsConnection } from '@nats-io/transport-node';
import { policyService } from '../src/app.module.js';

export const tenant = 'main';

/** What identity would publish, in the order of its log. */
export class IdentityLog {
  #last: Position = startPosition;

  constructor(
    private readonly nc: NatsConnection,
    private readonly pepper: Buffer,
  ) {}

  async publish(
    tenantId: string,
    type: string,
    data: object,
    actor = { type: 'system', id: 'test' },
  ): Promise<Position> {
    const prev = this.#last;
    this.#last = { tx: prev.tx + 1n, seq: prev.seq + 1n };
    const id = uuidv7(Date.now());
    const streamId = `test:${id}`;
    const text = canonicalJson({
      id,
      type,
      version: 1,
      tenantId,
      streamId,
      revision: 1,
      occurredAt: new Date().toISOString(),
      actor,
      correlationId: '0'.repeat(32),
      data,
    });
    const event = { position: this.#last, tenantId, streamId, text };
    await createPublisher(this.nc)({ source: 'identity', prev, events: [event] });
    return this.#last;
  }

  /** A service key of a tenant; its principal is `service/<name>`. */
  async createKey(
    tenantId: string,
    name: string,
    roles: readonly string[],
    extra: object = {},
    actor?: { type: string; id: string },
  ) {
    const key = generateKey('mas_');
    const keyId = randomUUID();
    const data = {
      keyId,
      family: 'mas',
      name,
      principal: { type: 'service', id: name },
      roles,
      fingerprint: keyFingerprint(this.pepper, key).toString('base64'),
      displayPrefix: displayPrefix(key),
      ...extra,
    };
    await this.publish(tenantId, 'key.created', data, actor);
    return { key, keyId };
  }
}

export interface PolicyStack {
  readonly postgres: TestPostgres;
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

/** Policy alone, on a PostgreSQL and a NATS of its own, with identity's events published by the test. */
export async function startPolicyStack(settings: Record<string, string> = {}): Promise<PolicyStack> {
  const [postgres, nats] = await Promise.all([startTestPostgres(), startTestNats()]);
  const adminUrl = await postgres.createDatabase('gatehouse');
  const files = tempDir('policy');
  const pepper = randomBytes(32);
  const pepperFile = join(files.path, 'pepper');
  createKeyFile(pepperFile, pepper);
  const passwords = { request: 'request-password-1', system: 'system-password-1' };
  await migrate({
    service: 'policy',
    admin: new Connection(adminUrl, 'admin'),
    passwords,
    migrations: policyService.migrations,
  });
  const nc = await connectBus({ servers: nats.url, user: 'setup' });
  await ensureTopology(nc);
  const env = {
    SERVICE_PORT: '0',
    DATABASE_URL: postgres.urlOf('gatehouse', 'gatehouse_policy'),
    DATABASE_SYSTEM_URL: postgres.urlOf('gatehouse', 'gatehouse_policy_system'),
    NATS_URL: nats.url,
    PEPPER_FILE: pepperFile,
    METADATA_KEY_FILE: join(files.path, 'metadata.pem'),
    LOG_LEVEL: 'error',
    ...settings,
  };
  const stack: PolicyStack = {
    postgres,
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

/** Waits until policy knows a key and its grants: an empty question is then refused for itself. */
export const untilKnown = (stack: PolicyStack, key: string) =>
  waitFor(async () => [400, 403].includes((await stack.call('/access/v1/evaluation', { key, body: {} })).status), {
    timeoutMs: 10_000,
    message: 'policy learns the key',
  });
