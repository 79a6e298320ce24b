import { ConfigError, connectionFromEnv, loadConfig, loadTogether } from '@gatehouse/config';
import { assertLogNotAhead, LogAheadOfServer } from '@gatehouse/event-store';
import { createApp, Readiness } from '@gatehouse/http';
import { type LoggerOptions, startTelemetry } from '@gatehouse/telemetry';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { z } from 'zod';
import type { Composition, ServiceDefinition } from './definition.js';
import { mapDomainError } from './domain-errors.js';
import { migrate } from './migrate.js';
import { Platform } from './platform.js';
import { PlatformModule } from './platform.module.js';
import { platformChecks } from './readiness.js';
import type { platformSettings } from './settings.js';

type Settings = typeof platformSettings;

export interface RunningService {
  readonly platform: Platform;
  readonly app: NestFastifyApplication;
  readonly stop: () => Promise<void>;
}

/** The process of a service: `serve` (default), `migrate`, or one of its own commands. Exits with 1 on a bad start. */
export async function runService<S extends Settings>(definition: ServiceDefinition<S>, args: readonly string[]) {
  const [command = 'serve', ...rest] = args;
  const own = definition.commands?.[command];
  try {
    if (command === 'serve') return await serveUntilSignal(definition, process.env);
    if (command === 'migrate') return await migrateFromEnv(definition, process.env);
    if (own) return await own({ env: process.env, args: rest, definition });
    const known = ['serve', 'migrate', ...Object.keys(definition.commands ?? {})];
    throw new ConfigError([{ variable: command, problem: `is not a command; there are ${known.join(', ')}` }]);
  } catch (error) {
    process.stderr.write(`${definition.name}: ${(error as Error).message}\n`);
    process.exit(1);
  }
}

async function serveUntilSignal<S extends Settings>(definition: ServiceDefinition<S>, env: NodeJS.ProcessEnv) {
  const running = await startService(definition, env);
  const { logger } = running.platform;
  const stop = (signal: string) => {
    logger.info({ signal }, 'stopping');
    running.stop().then(
      () => process.exit(0),
      (err: Error) => {
        logger.error({ err }, 'did not stop cleanly');
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', stop).once('SIGINT', stop);
  // What nobody caught may have left state half changed: say so and start afresh, PostgreSQL has the truth.
  process.on('unhandledRejection', (reason) => crash(running, reason));
  process.on('uncaughtException', (error) => crash(running, error));
}

function crash({ platform }: RunningService, reason: unknown): never {
  platform.logger.fatal({ err: reason }, 'unexpected failure');
  process.exit(70);
}

/**
 * Starts a service in this process. The caller stops it; tests use it with settings of their own.
 *
 * @param logTo where its log goes, if not to standard output
 */
export async function startService<S extends Settings>(
  definition: ServiceDefinition<S>,
  env: NodeJS.ProcessEnv,
  logTo?: LoggerOptions['destination'],
): Promise<RunningService> {
  const { settings, logins } = readEnvironment(definition, env);
  const otlpEndpoint = settings.OTEL_EXPORTER_OTLP_ENDPOINT;
  const telemetry = await startTelemetry({ service: definition.name, ...(otlpEndpoint && { otlpEndpoint }) });
  const platform = new Platform({
    service: definition.name,
    settings,
    logins,
    entities: definition.entities,
    channels: definition.channels ?? [],
    ...(logTo && { logTo }),
  });
  await refuseForeignLog(platform);
  const composition = await definition.compose(platform, settings);
  const app = await createApplication(platform, composition);
  platform.start();
  await composition.start?.();
  await app.listen(settings.SERVICE_PORT, settings.SERVICE_HOST);
  platform.logger.info({ address: await app.getUrl() }, 'listening');
  const stop = async () => {
    await app.close();
    await composition.stop?.();
    await platform.stop();
    await telemetry.shutdown();
  };
  return { platform, app, stop };
}

/** A server that is away now is met later, by readiness; a log that does not belong to it is refused at once. */
async function refuseForeignLog({ database }: Platform): Promise<void> {
  try {
    await assertLogNotAhead(database.system);
  } catch (error) {
    if (error instanceof LogAheadOfServer) throw error;
  }
}

function createApplication(platform: Platform, composition: Composition): Promise<NestFastifyApplication> {
  const readiness = new Readiness();
  const checks = [...platformChecks(platform, composition.worksWithoutBus ?? false), ...(composition.checks ?? [])];
  for (const check of checks) readiness.add(check);
  return createApp(PlatformModule.around(platform, composition.module, composition.authorize), {
    service: platform.service,
    logger: platform.logger,
    readiness,
    mapError: mapDomainError,
    trustedProxies: platform.settings.TRUSTED_PROXIES,
    asyncTrace: composition.asyncTrace ?? true,
    readVerbs: composition.readVerbs ?? [],
  });
}

function readEnvironment<S extends Settings>(definition: ServiceDefinition<S>, env: NodeJS.ProcessEnv) {
  const { settings, request, system } = loadTogether({
    settings: () => loadConfig(definition.settings as Settings, env) as z.output<S>,
    request: () => connectionFromEnv(env, 'DATABASE'),
    system: () => connectionFromEnv(env, 'DATABASE_SYSTEM'),
  });
  return { settings, logins: { request, system } };
}

async function migrateFromEnv<S extends Settings>(definition: ServiceDefinition<S>, env: NodeJS.ProcessEnv) {
  const { admin, request, system } = loadTogether({
    admin: () => connectionFromEnv(env, 'ADMIN_DATABASE'),
    request: () => readPassword(env, 'DATABASE'),
    system: () => readPassword(env, 'DATABASE_SYSTEM'),
  });
  const passwords = { request, system };
  const ran = await migrate({ service: definition.name, admin, passwords, migrations: definition.migrations });
  process.stdout.write(`${definition.name}: ${ran.length === 0 ? 'schema is up to date' : `ran ${ran.join(', ')}`}\n`);
}

function readPassword(env: NodeJS.ProcessEnv, name: string): string {
  const password = new URL(connectionFromEnv(env, name).url).password;
  if (!password) throw new ConfigError([{ variable: `${name}_PASSWORD`, problem: 'is required' }]);
  return decodeURIComponent(password);
}
