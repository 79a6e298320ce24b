import { randomUUID } from 'node:crypto';
import { connectBus, createPublisher, serve } from '@gatehouse/bus';
import { type KeyCreated, parsePosition, rewind } from '@gatehouse/contracts';
import { displayPrefix, generateKey, keyFingerprint } from '@gatehouse/crypto';
import {
  eventTablesSql,
  GroupCommit,
  notifyChannel,
  OutboxRelay,
  openPool,
  rewindOutbox,
  roleNames,
  rolesSql,
  Wake,
  type WrittenEvent,
  writeEvent,
} from '@gatehouse/event-store';
import type { TestPostgres } from '@gatehouse/testing';
import type { NatsConnection } from '@nats-io/transport-node';
import pg from 'pg';

export interface DecisionInput {
  readonly tenantId?: string;
  readonly subject?: string;
  readonly action?: string;
  readonly resource?: { readonly type: string; readonly id: string };
  readonly decision?: boolean;
  readonly now?: number;
}

/** The log and outbox of another service, as the real one has them, without the service itself. */
export class TestSource {
  readonly pool: pg.Pool;
  readonly commits: GroupCommit;
  readonly #wake: Wake;
  readonly #relayOptions: ConstructorParameters<typeof OutboxRelay>[0];
  #relay: OutboxRelay | undefined;

  private constructor(
    readonly name: string,
    url: string,
    readonly nc: NatsConnection,
  ) {
    this.pool = openPool({ url, max: 4, applicationName: name, onError: () => undefined });
    this.commits = new GroupCommit({ service: name, pool: this.pool });
    this.#wake = new Wake({ url, channels: [notifyChannel(name)], onError: () => undefined }).start();
    const publish = createPublisher(nc);
    this.#relayOptions = { service: name, url, wake: this.#wake, publish, onError: () => undefined };
    serve(nc, rewind(name), async ({ to }) => {
      this.rewinds.push(to);
      return { rewound: await rewindOutbox(this.pool, parsePosition(to)) };
    });
  }

  /** Positions that a consumer asked to have published again. */
  readonly rewinds: string[] = [];

  static async create(name: string, postgres: TestPostgres, database: string, natsUrl: string): Promise<TestSource> {
    const admin = new pg.Client({ connectionString: postgres.urlOf(database) });
    await admin.connect();
    await admin.query(rolesSql(name, { request: 'request-password-1', system: 'system-password-1' }));
    await admin.query(eventTablesSql(name));
    await admin.end();
    const nc = await connectBus({ servers: natsUrl, user: 'setup' });
    return new TestSource(name, postgres.urlOf(database, roleNames(name).system), nc).publish();
  }

  /** Starts the outbox relay. */
  publish(): this {
    this.#relay = new OutboxRelay(this.#relayOptions).start();
    return this;
  }

  async stopPublishing(): Promise<void> {
    await this.#relay?.stop();
  }

  async stop(): Promise<void> {
    await this.stopPublishing();
    await this.#wake.stop();
    await this.commits.drain();
    await this.pool.end();
    await this.nc.close();
  }

  /** Appends any event as the first of a new stream, durably. */
  async append(tenantId: string, type: string, data: object, now = Date.now()): Promise<WrittenEvent> {
    const id = randomUUID();
    const written = writeEvent({ type, version: 1, data }, `test:${id}`, 1, {
      tenantId,
      actor: { type: 'service', id: 'tester' },
      now,
      correlationId: id.replaceAll('-', ''),
    });
    await this.commits.append(written);
    return written;
  }

  decide(input: DecisionInput = {}): Promise<WrittenEvent> {
    const { tenantId = 'main', subject = 'developer-07', action = 'secret.read', decision = false, now } = input;
    const { resource = { type: 'prod', id: 'DATABASE_URL' } } = input;
    const data = {
      subject: { type: 'user', id: subject },
      action,
      resource,
      decision,
      reason: decision ? 'permit' : 'no_permit',
      policy: 'a'.repeat(64),
      facts: '1.1',
      matched: [],
    };
    return this.append(tenantId, 'decision.recorded', data, now);
  }

  /** Many decisions at once, through the group commit. */
  decideMany(count: number, input: (i: number) => DecisionInput = () => ({})): Promise<WrittenEvent[]> {
    return Promise.all(Array.from({ length: count }, (_, i) => this.decide(input(i))));
  }

  /** A service key of a tenant, as identity announces it. */
  async createKey(pepper: Parameters<typeof keyFingerprint>[0], tenantId: string, name: string): Promise<string> {
    const key = generateKey('mas_');
    const data: KeyCreated = {
      keyId: randomUUID(),
      family: 'mas',
      name,
      principal: { type: 'service', id: name },
      roles: [],
      fingerprint: keyFingerprint(pepper, key).toString('base64'),
      displayPrefix: displayPrefix(key),
    };
    await this.append(tenantId, 'key.created', data);
    return key;
  }
}
