import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Failure, usageFailure } from '../failure.js';
import type { World } from '../world.js';
import { findSettingsFolder, type SettingsFolder } from './folder.js';

export interface ConnectionFlags {
  readonly url?: string | undefined;
  readonly ca?: string | undefined;
}

/** A setting and where it came from; `config show` prints both. */
export interface Setting {
  readonly value: string;
  readonly from: string;
}

export interface Settings {
  readonly folder: SettingsFolder;
  readonly url: Setting;
  /** Path of a PEM file with the authorities to trust, instead of the system's. */
  readonly ca?: Setting;
  readonly apiKey?: Setting;
  /** A person's sign-in; there is none beside a key. */
  readonly session?: OAuth2Token;
  /** Path of the file with the ledger's public key. */
  readonly ledgerKey: Setting;
  readonly trustInvalidCertificate: boolean;
}

interface ConfigFile {
  readonly url?: string;
  readonly ca?: string;
  readonly ledgerKey?: string;
}

/** Tokens of a sign-in. `expires_at` is Unix time in seconds, of the access token. */
export interface OAuth2Token {
  readonly access_token: string;
  readonly refresh_token: string | null;
  readonly expires_at: number;
  /** Of the OAuth client that they were given to; none: they are of a sign-in with a password. */
  readonly client_id?: string;
}

/** The shape in which m87 keeps credentials; a device's own key stands beside a person's. */
export interface CredentialsFile {
  readonly credentials: {
    readonly APIKey?: { readonly api_key: string };
    readonly OAuth2Token?: OAuth2Token;
  } | null;
  readonly device_credentials?: { readonly api_key: string } | null;
}

const defaultUrl = 'https://localhost:8443';

export const credentialsPath = (folder: Pick<SettingsFolder, 'path'>): string => join(folder.path, 'credentials.json');
export const configPath = (folder: SettingsFolder): string => join(folder.path, 'config.json');
/** Where the ledger's key is kept when config.json names no file. */
export const ownLedgerKeyPath = (folder: SettingsFolder): string => join(folder.path, 'ledger.vkey');

/** Flags before environment before files. Throws a Failure for a file that cannot be read. */
export function readSettings(flags: ConnectionFlags, world: World): Settings {
  const { env, cwd } = world;
  const folder = findSettingsFolder(world);
  const file = readJson<ConfigFile>(configPath(folder)) ?? {};
  const fromFile = (value: string | undefined) => setting(value, configPath(folder));
  const ca =
    setting(flags.ca && resolve(cwd, flags.ca), '--ca') ??
    setting(env.GATEHOUSE_CA && resolve(cwd, env.GATEHOUSE_CA), 'GATEHOUSE_CA') ??
    fromFile(file.ca && resolve(folder.path, file.ca)) ??
    developmentAuthority(folder);
  const apiKey = apiKeyFrom(world, folder);
  const session = readJson<CredentialsFile>(credentialsPath(folder))?.credentials?.OAuth2Token;
  return {
    folder,
    url: checkedUrl(
      setting(flags.url, '--url') ??
        setting(env.GATEHOUSE_URL, 'GATEHOUSE_URL') ??
        fromFile(file.url) ?? { value: defaultUrl, from: 'the default' },
    ),
    ...(ca && { ca }),
    ...(apiKey && { apiKey }),
    ...(!apiKey && session && { session }),
    ledgerKey: fromFile(file.ledgerKey && resolve(folder.path, file.ledgerKey)) ?? {
      value: ownLedgerKeyPath(folder),
      from: 'the settings folder',
    },
    trustInvalidCertificate: trustsInvalidCertificate(env),
  };
}

function apiKeyFrom({ env }: World, folder: SettingsFolder): Setting | undefined {
  const path = credentialsPath(folder);
  for (const name of ['GATEHOUSE_API_KEY', 'M87_API_KEY']) {
    const found = setting(env[name]?.trim(), name);
    if (found) return found;
  }
  return setting(readJson<CredentialsFile>(path)?.credentials?.APIKey?.api_key, path);
}

const setting = (value: string | undefined, from: string): Setting | undefined => (value ? { value, from } : undefined);

/** A stack from before config.json: its certificate authority lies beside the folder. */
function developmentAuthority(folder: SettingsFolder): Setting | undefined {
  const path = join(dirname(folder.path), 'tls', 'ca.pem');
  return existsSync(path) ? { value: path, from: 'the development stack' } : undefined;
}

function checkedUrl({ value, from }: Setting): Setting {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:')
    throw usageFailure(`${from}: "${value}" is not an address such as https://gatehouse.example.com`);
  if (url.username || url.password) throw usageFailure(`${from}: the address must not hold credentials`);
  return { value: url.href.replace(/\/$/, ''), from };
}

function trustsInvalidCertificate(env: World['env']): boolean {
  const name = ['GATEHOUSE_TRUST_INVALID_CERT', 'M87_TRUST_INVALID_CERT'].find((key) => isYes(env[key]));
  if (name === undefined) return false;
  if (env.NODE_ENV === 'production')
    throw usageFailure(`${name} is refused in production`, 'Trust the certificate authority instead: --ca FILE');
  return true;
}

const isYes = (value: string | undefined): boolean => value === '1' || value === 'true';

/** Undefined when there is no such file. */
function readJson<T>(path: string): T | undefined {
  try {
    const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof parsed !== 'object' || parsed === null) throw new SyntaxError('not an object');
    return parsed as T;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    // The parser's message quotes the text, which may hold a key.
    throw new Failure(2, `${path} cannot be read (${code ?? 'not the JSON it should be'})`, undefined, { cause });
  }
}
