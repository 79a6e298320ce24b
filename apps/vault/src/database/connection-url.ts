import { isIP } from 'node:net';
import { isLoopback, isPublicAddress } from '@gatehouse/authn';

/** From the weakest to the strongest. */
export const sslModes = ['disable', 'require', 'verify-ca', 'verify-full'] as const;
export type SslMode = (typeof sslModes)[number];

/** Where a target is, without who we are there. */
export interface TargetAddress {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly sslmode: SslMode;
  /** Where the address names it outright. */
  readonly username?: string;
}

export class AddressRefused extends Error {
  constructor(readonly reason: string) {
    super(reason);
    this.name = 'AddressRefused';
  }
}

const refuse = (reason: string): never => {
  throw new AddressRefused(reason);
};

/**
 * Reads `postgresql://{{username}}:{{password}}@host:5432/name?sslmode=verify-full`. Nothing else is passed on to the
 * driver: parameters of such addresses read files, open sockets of this machine or replace the host.
 *
 * @throws AddressRefused with a public reason that repeats nothing of the address
 */
export function parseConnectionUrl(text: string): TargetAddress {
  const plain = text
    .replace(/\{\{\s*username\s*\}\}/, 'template-user')
    .replace(/\{\{\s*password\s*\}\}/, 'template-password');
  if (!URL.canParse(plain)) return refuse('is not a URL');
  const url = new URL(plain);
  if (url.protocol !== 'postgresql:' && url.protocol !== 'postgres:') refuse('must begin with postgresql://');
  if (url.password !== '' && url.password !== 'template-password')
    refuse('holds a password: write {{password}} there, and the password in the field of that name');
  for (const [name] of url.searchParams) if (name !== 'sslmode') refuse('knows the parameter sslmode alone');
  const sslmode = (url.searchParams.get('sslmode') ?? 'verify-full') as SslMode;
  if (!sslModes.includes(sslmode)) refuse(`sslmode must be one of ${sslModes.join(', ')}`);
  const host = decodeURIComponent(url.hostname).replace(/^\[|\]$/g, '');
  if (!/^[A-Za-z0-9._:-]{1,253}$/.test(host) || host.startsWith('.')) refuse('needs one host name or IP address');
  const database = decodeURIComponent(url.pathname.slice(1));
  if (!/^[^\p{Cc}/]{1,63}$/u.test(database)) refuse('needs the name of one database');
  const username = decodeURIComponent(url.username);
  return {
    host,
    port: url.port === '' ? 5432 : Number(url.port),
    database,
    sslmode,
    ...(username !== '' && username !== 'template-user' && { username }),
  };
}

/** What an installation lets its administrators connect to, beyond the public Internet, and how. */
export interface TargetReach {
  readonly privateNetworks: boolean;
  readonly loopback: boolean;
  readonly weakestSslmode: SslMode;
}

const neverIpv4 = /^(0|169\.254|22[4-9]|23\d|24\d|25[0-5])\./;
const neverIpv6 = /^(::$|fe[89ab]|ff)/i;
const mappedIpv4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/**
 * Whether an address that a name resolved to may be connected to. Databases are mostly in private networks, so those are
 * a setting; link-local addresses (cloud metadata), multicast and "this host" never are.
 */
export function mayConnect(address: string, reach: Pick<TargetReach, 'privateNetworks' | 'loopback'>): boolean {
  const plain = mappedIpv4.exec(address)?.[1] ?? address;
  if (isIP(plain) === 0 || neverIpv4.test(plain) || neverIpv6.test(plain)) return false;
  if (isLoopback(plain)) return reach.loopback;
  return reach.privateNetworks || isPublicAddress(plain);
}
