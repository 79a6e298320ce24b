import type { ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:tls';
import {
  AUTHENTICATE,
  AUTHORIZE,
  type Certificate,
  createApp,
  ProblemError,
  Readiness,
  readCertificate,
  vaultVerbs,
  watchCertificate,
} from '@gatehouse/http';
import { createLogger, gauge, type Logger, startTelemetry } from '@gatehouse/telemetry';
import type { DynamicModule } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { serveAuthority, servePages } from './page/serve-pages.js';
import { serveRoutes } from './proxy/serve-routes.js';
import { Upstream } from './proxy/upstream.js';
import { limitRate } from './rate/limit-rate.js';
import { type GatewayRoute, routes, type UpstreamName, upstreamNames } from './routes.js';
import type { GatewaySettings } from './settings.js';
import { hideMetrics } from './status/hide-metrics.js';
import { StatusController } from './status/status.controller.js';
import { UpstreamStatus } from './status/upstream-status.js';

export interface RunningGateway {
  readonly app: NestFastifyApplication;
  readonly logger: Logger;
  readonly port: number;
  readonly stop: () => Promise<void>;
}

export interface GatewayOptions {
  readonly routes?: readonly GatewayRoute[];
  readonly logger?: Logger;
  readonly certificateIntervalMs?: number;
}

/** Starts the gateway in this process. The caller stops it; tests use it with settings of their own. */
export async function startGateway(settings: GatewaySettings, options: GatewayOptions = {}): Promise<RunningGateway> {
  const logger = options.logger ?? createLogger({ service: 'gateway', level: settings.LOG_LEVEL });
  const otlpEndpoint = settings.OTEL_EXPORTER_OTLP_ENDPOINT;
  const telemetry = await startTelemetry({ service: 'gateway', ...(otlpEndpoint && { otlpEndpoint }) });
  const files = { certFile: settings.TLS_CERT_FILE, keyFile: settings.TLS_KEY_FILE };
  const tls = new CurrentCertificate(readCertificate(files, new Date()), logger);
  const upstreams = openUpstreams(settings);
  const app = await createApp(gatewayModule(upstreams), {
    service: 'gateway',
    logger,
    readiness: tls.readiness(),
    tls: tlsOptions(tls.current),
    requestTimeoutMs: settings.UPSTREAM_TIMEOUT_MS,
    trustedProxies: settings.TRUSTED_PROXIES,
    strictTransportSecurity: settings.STRICT_TRANSPORT_SECURITY,
    asyncTrace: false,
    readVerbs: vaultVerbs,
  });
  const instance = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  const closeTunnels = serve(instance, settings, upstreams, options.routes ?? routes);
  const unwatch = watchCertificate(files, {
    onChange: (certificate) => tls.use(certificate, instance.server as unknown as Server),
    onError: (err) => logger.error({ err }, 'the certificate was not renewed; the old one stays in use'),
    ...(options.certificateIntervalMs && { intervalMs: options.certificateIntervalMs }),
  });
  await app.listen(settings.SERVICE_PORT, settings.SERVICE_HOST);
  const { port } = instance.server.address() as AddressInfo;
  logger.info({ port }, 'listening');
  const stop = async () => {
    unwatch();
    closeTunnels();
    await app.close();
    for (const upstream of Object.values(upstreams)) upstream.close();
    tls.forget();
    await telemetry.shutdown();
  };
  return { app, logger, port, stop };
}

/** In the order in which a request meets them: too fast? metrics for strangers? in doubt? then the table. */
function serve(
  instance: FastifyInstance,
  settings: GatewaySettings,
  upstreams: Readonly<Record<UpstreamName, Upstream>>,
  table: readonly GatewayRoute[],
): () => void {
  limitRate(instance, {
    perSecond: settings.RATE_LIMIT_PER_SECOND,
    burst: settings.RATE_LIMIT_BURST,
    maxAddresses: settings.RATE_LIMIT_ADDRESSES,
  });
  hideMetrics(instance, settings.METRICS_NETWORKS);
  servePages(instance);
  if (settings.CA_FILE !== undefined) serveAuthority(instance, settings.CA_FILE);
  return serveRoutes(instance, {
    routes: table,
    upstreams,
    bodyLimitBytes: settings.BODY_LIMIT_BYTES,
    timeoutMs: settings.UPSTREAM_TIMEOUT_MS,
  });
}

function openUpstreams(settings: GatewaySettings): Readonly<Record<UpstreamName, Upstream>> {
  const addresses: Record<UpstreamName, string> = {
    identity: settings.UPSTREAM_IDENTITY,
    policy: settings.UPSTREAM_POLICY,
    vault: settings.UPSTREAM_VAULT,
    registry: settings.UPSTREAM_REGISTRY,
    relay: settings.UPSTREAM_RELAY,
    audit: settings.UPSTREAM_AUDIT,
  };
  const open = (name: UpstreamName) => new Upstream(name, addresses[name], settings.UPSTREAM_CONNECTIONS);
  return Object.fromEntries(upstreamNames.map((name) => [name, open(name)])) as Record<UpstreamName, Upstream>;
}

/** The gateway knows nobody: its own routes are public, and who may call the others is the services' to find out. */
const knowsNobody = (): never => {
  throw new ProblemError('unauthenticated');
};

const gatewayModule = (upstreams: Readonly<Record<string, Upstream>>): DynamicModule => ({
  module: class GatewayModule {},
  controllers: [StatusController],
  providers: [
    { provide: UpstreamStatus, useValue: new UpstreamStatus(upstreams) },
    { provide: AUTHENTICATE, useValue: knowsNobody },
    { provide: AUTHORIZE, useValue: () => ({ allowed: false }) },
  ],
});

/** TLS 1.2 or newer, with Node's own list of ciphers, which follows OpenSSL's advice. */
const tlsOptions = ({ cert, key }: Certificate): ServerOptions => ({
  cert,
  key,
  minVersion: 'TLSv1.2',
  handshakeTimeout: 10_000,
});

/** The certificate in use. Owner: the gateway; connections that stand keep the one they began with. */
class CurrentCertificate {
  readonly #forget: () => void;

  constructor(
    private certificate: Certificate,
    private readonly logger: Logger,
  ) {
    this.#forget = gauge(
      'gateway_certificate_expires_seconds',
      'Unix time at which the certificate in use expires',
      () => this.certificate.notAfter.getTime() / 1_000,
    );
  }

  get current(): Certificate {
    return this.certificate;
  }

  use(certificate: Certificate, server: Server): void {
    server.setSecureContext(tlsOptions(certificate));
    this.certificate = certificate;
    this.logger.info({ notAfter: certificate.notAfter.toISOString() }, 'certificate renewed');
  }

  readiness(): Readiness {
    const readiness = new Readiness();
    const check = async () => (this.certificate.notAfter > new Date() ? 'ok' : { problem: 'expired' });
    readiness.add({ name: 'certificate', check });
    return readiness;
  }

  forget(): void {
    this.#forget();
  }
}
