import { setting } from '@gatehouse/config';
import { z } from 'zod';

const mebibyte = 1_048_576;

/** What the gateway reads from its environment. `UPSTREAM_<NAME>` belongs to the upstream of that name in `routes.ts`. */
export const gatewaySettings = z.object({
  SERVICE_HOST: setting.text('Address the gateway listens on').default('127.0.0.1'),
  SERVICE_PORT: setting.port('Port of the one public origin (HTTPS)').default(8443),
  TLS_CERT_FILE: setting.text('File with the certificate chain (PEM); read again when it changes'),
  TLS_KEY_FILE: setting.text('File with its private key (PEM); read again when it changes'),
  CA_FILE: setting.text('Certificate of the local authority, offered as /ca.pem').optional(),
  UPSTREAM_IDENTITY: setting.url('Where identity listens'),
  UPSTREAM_POLICY: setting.url('Where policy listens'),
  UPSTREAM_VAULT: setting.url('Where vault listens'),
  UPSTREAM_REGISTRY: setting.url('Where registry listens'),
  UPSTREAM_RELAY: setting.url('Where relay listens'),
  UPSTREAM_AUDIT: setting.url('Where audit listens'),
  UPSTREAM_CONNECTIONS: setting.integer('Connections to one service, at most', { min: 1, max: 4_096 }).default(256),
  UPSTREAM_TIMEOUT_MS: setting
    .integer('Time a request may take from arrival to the last byte', { min: 100, max: 600_000 })
    .default(30_000),
  BODY_LIMIT_BYTES: setting
    .integer("Largest body passed on; the default is the services' own", { max: 1_024 * mebibyte })
    .default(mebibyte / 4),
  RATE_LIMIT_PER_SECOND: setting.integer('Requests of one address a second', { min: 1, max: 1_000_000 }).default(2_000),
  RATE_LIMIT_BURST: setting.integer('Requests of one address at once', { min: 1, max: 1_000_000 }).default(4_000),
  RATE_LIMIT_ADDRESSES: setting.integer('Addresses remembered, at most', { min: 16, max: 10_000_000 }).default(100_000),
  TRUSTED_PROXIES: setting.list('Addresses in front of the gateway whose X-Forwarded-For is believed').default([]),
  METRICS_NETWORKS: setting.list('Networks that may read /metrics').default(['127.0.0.0/8', '::1/128']),
  STRICT_TRANSPORT_SECURITY: setting
    .flag('Tell browsers to use HTTPS only for this name (not for localhost: it would hold for every port)')
    .default(false),
  LOG_LEVEL: setting.choice('Least severe level that is logged', ['debug', 'info', 'warn', 'error']).default('info'),
  OTEL_EXPORTER_OTLP_ENDPOINT: setting.url('Where traces are sent; none are made without it').optional(),
});
export type GatewaySettings = z.output<typeof gatewaySettings>;
