import { once } from 'node:events';
import {
  CallerDirectory,
  createAuthenticator,
  createTokenVerifier,
  ForeignIssuers,
  knownCallersChannel,
  knownIssuersChannel,
  NotAuthenticated,
} from '@gatehouse/authn';
import { Consumption, call, createPublisher, type EventBatch, serve } from '@gatehouse/bus';
import { formatPosition, observe, parsePosition, rewind } from '@gatehouse/contracts';
import { loadKeyFile, type Pepper } from '@gatehouse/crypto';
import { Exclusive, type Held, notifyChannel, OutboxRelay, rewindOutbox, Wake } from '@gatehouse/event-store';
import { Inbox, type ProjectedEvent, type Projection, ProjectionRunner } from '@gatehouse/projection';
import { createLogger, type Logger, type LoggerOptions } from '@gatehouse/telemetry';
import type pg from 'pg';
import { BusLink } from './bus-link.js';
import {
  type DatabaseLogins,
  initialiseSource,
  type OpenDatabase,
  type OpenDatabaseOptions,
  openDatabase,
} from './database.js';
import { registerPlatformMetrics } from './metrics.js';
import { ObservationReporter } from './observation-reporter.js';
import type { PlatformSettings } from './settings.js';

const reportTimeoutMs = 1_000;

type VerifyToken = ReturnType<typeof createTokenVerifier>;

export interface PlatformOptions {
  readonly service: string;
  readonly settings: PlatformSettings;
  readonly logins: DatabaseLogins;
  readonly entities: OpenDatabaseOptions['entities'];
  /** NOTIFY channels this service listens to beside those of the platform. */
  readonly channels: readonly string[];
  /** Where the log goes; standard output unless given. */
  readonly logTo?: LoggerOptions['destination'];
}

export interface ConsumeOptions {
  readonly durable: string;
  readonly sources: readonly string[];
  readonly parks: boolean;
  /**
   * True: one replica reads at a time, the others take over when its session with PostgreSQL ends. For an effect that
   * needs the whole order: where several replicas share a durable, the next message may be at another one.
   */
  readonly exclusive?: boolean;
  /** Whether an event concerns it, by its canonical text; the others are passed unread. All do, unless this is given. */
  readonly concerns?: (text: string) => boolean;
  readonly apply: (client: pg.PoolClient, events: readonly ProjectedEvent[]) => Promise<void>;
}

/**
 * What every service stands on: its log, its bus, its callers, its projections. Built by `runService`, which also starts
 * and stops it; a service's own module adds projections and consumers before that.
 */
export class Platform {
  readonly service: string;
  readonly settings: PlatformSettings;
  readonly logger: Logger;
  readonly database: OpenDatabase;
  readonly wake: Wake;
  readonly bus: BusLink;
  /** Everybody who may call, in memory. */
  readonly callers: CallerDirectory;
  /** Issuers of somebody else whose API tokens count. */
  readonly issuers: ForeignIssuers;
  readonly pepper: Pepper;
  readonly authenticate: ReturnType<typeof createAuthenticator>;
  readonly outbox: OutboxRelay;
  /** Tells identity which keys are used and who is refused. */
  readonly observations: ObservationReporter;
  readonly runners: ProjectionRunner[] = [];
  readonly inboxes: Inbox[] = [];
  readonly #consumptions: { stop: () => Promise<void> }[] = [];
  readonly #logins: DatabaseLogins;
  readonly #unregister: () => void;
  readonly #stopped = new AbortController();
  #verifyToken: VerifyToken | undefined;
  #publish: ((batch: EventBatch) => Promise<void>) | undefined;

  constructor(options: PlatformOptions) {
    const { service, settings, logins, logTo } = options;
    this.service = service;
    this.settings = settings;
    this.#logins = logins;
    this.logger = createLogger({ service, level: settings.LOG_LEVEL, ...(logTo && { destination: logTo }) });
    this.pepper = loadKeyFile(settings.PEPPER_FILE);
    this.database = openDatabase({
      service,
      logins,
      requestPool: settings.DATABASE_POOL,
      systemPool: settings.DATABASE_SYSTEM_POOL,
      entities: options.entities,
      logger: this.logger,
    });
    const issuers = knownIssuersChannel(service);
    const channels = [notifyChannel(service), knownCallersChannel(service), issuers, ...options.channels];
    this.wake = new Wake({ url: logins.system.url, channels, onError: this.warn('waiting for PostgreSQL') });
    this.bus = new BusLink({
      servers: settings.NATS_URL,
      user: service,
      ...(settings.NATS_SEED_FILE && { seedFile: settings.NATS_SEED_FILE }),
      onError: this.warn('waiting for NATS'),
      onStatus: (status, server) => this.logger.info({ server }, `NATS ${status}`),
    });
    this.callers = new CallerDirectory({
      service,
      pepper: this.pepper,
      query: this.database.system,
      wake: this.wake,
      onError: this.warn('callers could not be read'),
    });
    this.issuers = new ForeignIssuers({
      service,
      pepper: this.pepper,
      query: this.database.system,
      wake: this.wake,
      reach: { privateNetworks: settings.ISSUERS_ON_PRIVATE_NETWORKS, loopback: settings.ISSUERS_ON_LOOPBACK },
      onError: this.warn('issuers could not be read'),
    });
    this.#verifyToken = tokenVerifier(settings);
    this.authenticate = createAuthenticator({
      callers: this.callers,
      verifyToken: async (token, nowMs, sent) => {
        if (this.issuers.issued(token)) {
          // What an issuer of somebody else binds a token to is not ours to judge.
          if (sent !== undefined) throw new NotAuthenticated('unknown');
          return this.issuers.verify(token, nowMs);
        }
        if (!this.#verifyToken) throw new NotAuthenticated('unknown');
        return this.#verifyToken(token, nowMs, sent);
      },
    });
    this.outbox = new OutboxRelay({
      service,
      url: logins.system.url,
      wake: this.wake,
      publish: (batch) => this.#publishBatch(batch),
      onError: this.warn('events could not be published'),
    });
    this.observations = new ObservationReporter({
      service,
      send: (report) => call(this.bus.nc, observe, report, reportTimeoutMs),
      onError: this.warn('identity could not be told of uses and refusals, and will be'),
    });
    this.#unregister = registerPlatformMetrics(this);
  }

  /** Replaces how tokens are checked: the service that signs them needs no network for it. */
  acceptTokens(verify: VerifyToken): void {
    this.#verifyToken = verify;
  }

  /** A handler that logs what went wrong and goes on: the thing itself retries. */
  warn(message: string): (error: Error) => void {
    return (err) => this.logger.warn({ err }, message);
  }

  /** Adds a read model of this service's own log. */
  project(projection: Projection): void {
    const runner = new ProjectionRunner({
      service: this.service,
      url: this.#logins.system.url,
      wake: this.wake,
      projection,
      onError: this.warn(`projection ${projection.name} stopped and will go on`),
      onParked: (count) => this.logger.error({ projection: projection.name, count }, 'events parked'),
    });
    this.runners.push(runner);
  }

  /** Adds a consumer of events from the bus. */
  consume({ durable, exclusive, ...effect }: ConsumeOptions): Inbox {
    const inbox = new Inbox({
      ...effect,
      consumer: durable,
      pool: this.database.system,
      onParked: (count) => this.logger.error({ consumer: durable, count }, 'events parked'),
      onGap: (source, have) => this.#askRewind(source, formatPosition(have)),
    });
    this.inboxes.push(inbox);
    this.bus.whenConnected((nc) => {
      const read = () =>
        new Consumption(nc, {
          durable,
          handle: inbox.handle,
          onError: this.warn(`consumer ${durable} stopped and will go on`),
        }).start();
      this.#consumptions.push(exclusive ? this.#readOneAtATime(durable, read) : read());
    });
    return inbox;
  }

  /** Runs `work` in one replica at a time, and again after every loss of the turn, until it is stopped. */
  exclusively(name: string, work: (held: Held) => Promise<void>): Exclusive {
    return new Exclusive({
      url: this.#logins.system.url,
      name: `${this.service}:${name}`,
      onError: this.warn(`${name} lost its turn and will wait for the next`),
    }).start(work);
  }

  #readOneAtATime(durable: string, read: () => Consumption): Exclusive {
    return this.exclusively(`consumer:${durable}`, async ({ signal }) => {
      const consumption = read();
      if (!signal.aborted) await once(signal, 'abort');
      await consumption.stop();
    });
  }

  start(): void {
    void initialiseSource(this.database.source, this.#stopped.signal, this.warn('waiting for PostgreSQL'));
    this.wake.start();
    this.callers.start();
    this.issuers.start();
    this.outbox.start();
    for (const runner of this.runners) runner.start();
    this.bus.whenConnected((nc) => {
      serve(nc, rewind(this.service), async ({ to }) => {
        const rewound = await rewindOutbox(this.database.system, parsePosition(to));
        this.logger.warn({ to, rewound }, 'a consumer asked to publish again');
        return { rewound };
      });
    });
    this.bus.start();
    this.observations.start();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.observations.stop();
    await Promise.all(this.#consumptions.map((consumption) => consumption.stop()));
    await Promise.all([...this.runners, this.outbox].map((part) => part.stop()));
    await this.bus.stop();
    await this.callers.stop();
    await this.issuers.stop();
    await this.wake.stop();
    if (this.database.source.isInitialized) await this.database.source.destroy();
    await Promise.all([this.database.request.end(), this.database.system.end()]);
    this.#unregister();
  }

  #publishBatch(batch: EventBatch): Promise<void> {
    this.#publish ??= createPublisher(this.bus.nc);
    return this.#publish(batch);
  }

  /** Answers whether the source will publish again: only then may what waits behind the gap be given up. */
  async #askRewind(source: string, to: string): Promise<boolean> {
    this.logger.error({ source, to }, 'events are missing on the bus; asking the source to publish them again');
    try {
      return (await call(this.bus.nc, rewind(source), { to })).rewound;
    } catch (error) {
      this.warn('the source could not be asked to publish again')(error as Error);
      return false;
    }
  }
}

function tokenVerifier(settings: PlatformSettings): VerifyToken | undefined {
  const { AUTH_JWT_ISSUER: issuer, AUTH_JWT_AUDIENCE: audience, AUTH_JWT_JWKS_URL: jwksUrl } = settings;
  if (!issuer && !audience && !jwksUrl) return undefined;
  if (!issuer || !audience || !jwksUrl)
    throw new Error('AUTH_JWT_ISSUER, AUTH_JWT_AUDIENCE and AUTH_JWT_JWKS_URL go together: set all three or none');
  return createTokenVerifier({ issuer, audience, jwksUrl });
}
