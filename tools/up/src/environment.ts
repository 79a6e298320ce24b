import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { tokenAudience } from '@gatehouse/authn';
import { roleNames } from '@gatehouse/event-store';
import type { DataFolder } from './data-folder.js';
import { gatewayName, type ServiceRow, serviceTable } from './service-table.js';

/** Where the parts of one stack are. */
export interface Addresses {
  /** Under which clients and devices reach this machine: a name or an IP address; `localhost` for nobody else. */
  host: string;
  /** Port of the gateway. */
  port: number;
  /** Where devices and clients of sessions connect: UDP and TCP. */
  relayPort: number;
  portBase: number;
  postgresPort: number;
  natsPort: number;
}

export const databaseName = 'gatehouse';

/** What a service may inherit from the terminal. Everything else, other people's DATABASE_PASSWORD included, stays out. */
const inherited = [
  'PATH',
  'HOME',
  'LANG',
  'TZ',
  'TMPDIR',
  'NODE_ENV',
  'NODE_OPTIONS',
  'NODE_EXTRA_CA_CERTS',
  'LOG_LEVEL',
];
const inheritedPrefixes = [
  'OTEL_',
  'AUTH_',
  'DATABASE_POOL',
  'DATABASE_SYSTEM_POOL',
  'DECISION_',
  'DEVICE_KEY_DAYS',
  'ERASURE_',
  'EXPORT_LIFETIME_HOURS',
  'EXPORT_MAX_MB',
  'FEDERATION_',
  'GEOIP_DATABASE',
  'GUEST_TOKENS',
  'IDENTITY_KEY_DAYS',
  'INVITATIONS_PER_DAY',
  'LEDGER_ORIGIN',
  'MAIL_FOLDER',
  'MAIL_FROM',
  'OIDC_',
  'ORGANIZATIONS_PER_PERSON',
  'OWNER_EMAIL',
  'PASSWORD_HASHES_',
  'PASSWORD_MEMORY_KIB',
  'PASSWORD_MIN_LENGTH',
  'PASSWORD_PASSES',
  'REGISTRATION',
  'RELAYS',
  'RELAY_',
  'SESSION_DAYS',
  'SESSION_IDLE_DAYS',
  'SMTP_PASSWORD_FILE',
  'SMTP_URL',
  'TOKEN_ALGORITHM',
  'TRUSTED_PROXIES',
  'WEBHOOK_',
  'RATE_LIMIT_',
  'UPSTREAM_CONNECTIONS',
  'UPSTREAM_TIMEOUT_MS',
  'BODY_LIMIT_BYTES',
  'METRICS_NETWORKS',
];

export function inheritedEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const isInherited = (name: string) =>
    inherited.includes(name) || inheritedPrefixes.some((prefix) => name.startsWith(prefix));
  return Object.fromEntries(Object.entries(env).filter(([name]) => isInherited(name)));
}

/** What the service that has the seal's file may inherit beside that, and no other: among them is a key. */
const sealPrefixes = ['SEAL', 'AWS_'];

export function inheritedSeal(env: NodeJS.ProcessEnv, row: ServiceRow): NodeJS.ProcessEnv {
  if (!('SEAL_KEY_FILE' in row.files)) return {};
  const own = (name: string) => sealPrefixes.some((prefix) => name.startsWith(prefix));
  return Object.fromEntries(Object.entries(env).filter(([name]) => own(name)));
}

/** What a service gets: ours over what it inherits, but for letters and relays, which are where the terminal says. */
export function withInherited(inherited: NodeJS.ProcessEnv, ours: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { MAIL_FOLDER: folder, RELAYS: relays, ...rest } = ours;
  const sendsLetters = inherited.SMTP_URL !== undefined || inherited.MAIL_FOLDER !== undefined;
  return {
    ...(relays !== undefined && { RELAYS: relays }),
    ...inherited,
    ...rest,
    ...(folder !== undefined && !sendsLetters && { MAIL_FOLDER: folder }),
  };
}

export function publicUrl({ host, port }: Addresses): string {
  const name = isIPv6(host) ? `[${host}]` : host;
  return port === 443 ? `https://${name}` : `https://${name}:${port}`;
}

/** `host:port`, with an IPv6 address in brackets. On this machine alone by number: `localhost` may be the other family first. */
export function relayAddress({ host, relayPort }: Addresses): string {
  const name = localNames.includes(host) ? '127.0.0.1' : host;
  return `${isIPv6(name) ? `[${name}]` : name}:${relayPort}`;
}

/** What clients reach listens on this machine alone, or on all of its addresses. The rest is never reached from outside. */
export function listenHost({ host }: Addresses): string {
  if (localNames.includes(host)) return '127.0.0.1';
  return isIPv6(host) ? '::' : '0.0.0.0';
}

/**
 * An address of this machine is listened at alone: what answers datagrams from all of them answers from the nearest one, and a
 * router on the way knows only the one that was asked.
 */
export function relayHost(addresses: Addresses): string {
  const own = Object.values(networkInterfaces()).some((each) =>
    each?.some(({ address }) => address === addresses.host),
  );
  return own ? addresses.host : listenHost(addresses);
}

const localNames = ['localhost', '127.0.0.1', '::1'];

export function servicePort(row: ServiceRow, addresses: Addresses): number {
  return row.name === gatewayName ? addresses.port : addresses.portBase + row.portOffset;
}

/** The environment of a running service: secrets only as names of files. */
export function serviceEnvironment(row: ServiceRow, folder: DataFolder, addresses: Addresses): NodeJS.ProcessEnv {
  const files = Object.entries(row.files).map(([variable, file]) => [variable, folder.keys[file]]);
  return {
    SERVICE_PORT: String(servicePort(row, addresses)),
    PUBLIC_URL: publicUrl(addresses),
    ...Object.fromEntries(files),
    ...(row.stateful
      ? statefulEnvironment(row, folder, addresses)
      : { SERVICE_HOST: listenHost(addresses), ...upstreams(addresses) }),
  };
}

function statefulEnvironment(row: ServiceRow, folder: DataFolder, addresses: Addresses): NodeJS.ProcessEnv {
  return {
    ...databaseEnvironment(row, folder, addresses),
    NATS_URL: `nats://127.0.0.1:${addresses.natsPort}`,
    NATS_SEED_FILE: folder.natsSeed(row.name),
    // The gateway says whose address it was: networks of keys and the record need the caller's, not the gateway's.
    TRUSTED_PROXIES: '127.0.0.1',
    ...(row.isIdentity ? { MAIL_FOLDER: folder.mail } : tokenEnvironment(addresses)),
    ...(row.isRelay && { RELAY_HOST: relayHost(addresses), RELAY_PORT: String(addresses.relayPort) }),
    // Who signs grants says where the relays are.
    ...('GRANT_KEY_FILE' in row.files && { RELAYS: relayAddress(addresses) }),
  };
}

/** Access tokens are checked with the keys that identity publishes; it knows its own without asking. */
function tokenEnvironment(addresses: Addresses): NodeJS.ProcessEnv {
  const identity = serviceTable.find((row) => 'isIdentity' in row) as ServiceRow;
  return {
    AUTH_JWT_ISSUER: publicUrl(addresses),
    AUTH_JWT_AUDIENCE: tokenAudience,
    AUTH_JWT_JWKS_URL: `http://127.0.0.1:${servicePort(identity, addresses)}/.well-known/jwks.json`,
  };
}

function databaseEnvironment(row: ServiceRow, folder: DataFolder, addresses: Addresses): NodeJS.ProcessEnv {
  const roles = roleNames(row.name);
  return {
    DATABASE_URL: databaseUrl(roles.request, addresses),
    DATABASE_PASSWORD_FILE: folder.databasePassword(row.name, 'request'),
    DATABASE_SYSTEM_URL: databaseUrl(roles.system, addresses),
    DATABASE_SYSTEM_PASSWORD_FILE: folder.databasePassword(row.name, 'system'),
  };
}

/** `migrate` also gets the administrator's login, which a running service never has. */
export function migrateEnvironment(
  row: ServiceRow,
  folder: DataFolder,
  addresses: Addresses,
  superuser: string,
): NodeJS.ProcessEnv {
  return {
    ...databaseEnvironment(row, folder, addresses),
    ADMIN_DATABASE_URL: databaseUrl(superuser, addresses),
    ADMIN_DATABASE_PASSWORD_FILE: folder.superuserPassword,
  };
}

function databaseUrl(role: string, { postgresPort }: Addresses): string {
  return `postgres://${role}@127.0.0.1:${postgresPort}/${databaseName}`;
}

function upstreams(addresses: Addresses): NodeJS.ProcessEnv {
  const rows = serviceTable.filter((row) => row.stateful);
  return Object.fromEntries(
    rows.map((row) => [`UPSTREAM_${row.name.toUpperCase()}`, `http://127.0.0.1:${servicePort(row, addresses)}`]),
  );
}
