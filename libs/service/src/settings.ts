import { setting } from '@gatehouse/config';
import { z } from 'zod';

/** What every service reads from its environment; a service adds its own. Documented by `describeConfig`. */
export const platformSettings = z.object({
  SERVICE_HOST: setting.text('Address the HTTP API listens on').default('127.0.0.1'),
  SERVICE_PORT: setting.port('Port of the HTTP API'),
  NATS_URL: setting.text('NATS servers, comma separated').default('nats://127.0.0.1:4222'),
  NATS_SEED_FILE: setting.text("File with this service's nkey seed").optional(),
  PEPPER_FILE: setting.text('File with the pepper that keys are hashed with'),
  LOG_LEVEL: setting.choice('Least severe level that is logged', ['debug', 'info', 'warn', 'error']).default('info'),
  OTEL_EXPORTER_OTLP_ENDPOINT: setting.url('Where traces are sent; none are made without it').optional(),
  AUTH_STATUS_PROFILE: setting
    .choice('Which status table failures to authenticate answer', ['default', 'marie'])
    .default('default'),
  AUTH_JWT_ISSUER: setting.url('Issuer of accepted access tokens').optional(),
  AUTH_JWT_AUDIENCE: setting.text('Audience that access tokens must name').optional(),
  AUTH_JWT_JWKS_URL: setting.url("The issuer's published keys").optional(),
  ISSUERS_ON_PRIVATE_NETWORKS: setting
    .flag("Whether somebody else's issuer may be at an address that is not of the public Internet")
    .default(false),
  ISSUERS_ON_LOOPBACK: setting
    .flag('Whether it may be on this machine, over http too: for development, never in production')
    .default(false),
  OPERATOR_TENANT: setting.text('Tenant whose administrators may see and rebuild read models').default('main'),
  DATABASE_POOL: setting.integer('Connections of the request role', { min: 1, max: 100 }).default(8),
  DATABASE_SYSTEM_POOL: setting.integer('Connections of the system role', { min: 2, max: 100 }).default(6),
  TRUSTED_PROXIES: setting.list('Addresses whose X-Forwarded-For is believed').default([]),
});
export type PlatformSettings = z.output<typeof platformSettings>;
