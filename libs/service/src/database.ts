import type { Connection } from '@gatehouse/config';
import { openPool, pause, StoreUnavailable } from '@gatehouse/event-store';
import type { Logger } from '@gatehouse/telemetry';
import type pg from 'pg';
import { DataSource, type EntityManager, type EntityTarget, type MixedList } from 'typeorm';

export interface DatabaseLogins {
  /** One tenant at a time: serves requests. */
  readonly request: Connection;
  /** All tenants: outbox, projections, group commit. */
  readonly system: Connection;
}

export interface OpenDatabase {
  readonly request: pg.Pool;
  readonly system: pg.Pool;
  readonly source: DataSource;
}

export interface OpenDatabaseOptions {
  readonly service: string;
  readonly logins: DatabaseLogins;
  readonly requestPool: number;
  readonly systemPool: number;
  // TypeORM's own type for a list of entity classes.
  readonly entities: MixedList<EntityTarget<object> & (abstract new () => object)>;
  readonly logger: Logger;
}

/** Opens nothing yet: connections are made when they are needed, so a service can start before PostgreSQL. */
export function openDatabase(options: OpenDatabaseOptions): OpenDatabase {
  const { service, logins, logger } = options;
  const onError = (error: Error) => logger.warn({ err: error }, 'database connection lost');
  return {
    request: openPool({ url: logins.request.url, max: options.requestPool, applicationName: service, onError }),
    system: openPool({
      url: logins.system.url,
      max: options.systemPool,
      applicationName: `${service}-system`,
      onError,
    }),
    source: new DataSource({
      type: 'postgres',
      url: logins.request.url,
      schema: service,
      entities: options.entities as never,
      poolSize: 4,
      synchronize: false,
      logging: false,
      connectTimeoutMS: 3_000,
      poolErrorHandler: onError,
      extra: { application_name: `${service}-read`, query_timeout: 10_000 },
    }),
  };
}

/** Connects TypeORM, however long PostgreSQL takes to come. */
export async function initialiseSource(source: DataSource, stopped: AbortSignal, onError: (error: Error) => void) {
  while (!stopped.aborted) {
    try {
      return void (await source.initialize());
    } catch (error) {
      onError(error as Error);
      await pause(500, stopped);
    }
  }
}

/** Reads entities as one tenant: PostgreSQL shows this transaction that tenant's rows only. */
export async function readAsTenant<T>(
  source: DataSource,
  tenantId: string,
  work: (manager: EntityManager) => Promise<T>,
): Promise<T> {
  if (!source.isInitialized) throw new StoreUnavailable('PostgreSQL has not been reached yet');
  return source.transaction(async (manager) => {
    await manager.query(`select set_config('gatehouse.tenant', $1, true)`, [tenantId]);
    return work(manager);
  });
}
