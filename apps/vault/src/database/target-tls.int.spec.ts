import { chownSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLocalAuthority, unprivilegedAccount } from '@gatehouse/local-servers';
import { startTestPostgres, type TestPostgres, tempDir, waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { SslMode } from './connection-url.js';
import { type TargetLogin, withTarget } from './target-connection.js';

const reach = { privateNetworks: true, loopback: true, weakestSslmode: 'disable' } as const;

const files = tempDir('target-tls');
let encrypted: TestPostgres;
let plain: TestPostgres;
/** Of the authority that certified the target for localhost and 127.0.0.1, and of another one. */
const authorities = { ours: '', others: '', none: undefined };

beforeAll(async () => {
  [encrypted, plain] = await Promise.all([startTestPostgres(), startTestPostgres()]);
  const { caFile, certFile, keyFile } = await createLocalAuthority(join(files.path, 'ours'));
  authorities.ours = readFileSync(caFile, 'utf8');
  authorities.others = readFileSync((await createLocalAuthority(join(files.path, 'others'))).caFile, 'utf8');
  await switchOn(encrypted, certFile, keyFile);
});

afterAll(async () => {
  await Promise.all([encrypted?.stop(), plain?.stop()]);
  files.remove();
});

/** PostgreSQL reads a key that is its own account's alone. */
async function switchOn({ url, dataDir }: TestPostgres, certFile: string, keyFile: string): Promise<void> {
  const { uid, gid } = unprivilegedAccount();
  for (const [name, file] of [
    ['server.crt', certFile],
    ['server.key', keyFile],
  ] as const) {
    writeFileSync(join(dataDir, name), readFileSync(file), { mode: 0o600 });
    if (uid !== undefined && gid !== undefined) chownSync(join(dataDir, name), uid, gid);
  }
  const root = new pg.Client({ connectionString: url });
  await root.connect();
  await root.query('alter system set ssl = on');
  await root.query('select pg_reload_conf()');
  await waitFor(async () => (await root.query('show ssl')).rows[0].ssl === 'on', { message: 'TLS' });
  await root.end();
}

const login = (server: TestPostgres, sslmode: SslMode, rest: Partial<TargetLogin> = {}): TargetLogin => ({
  host: '127.0.0.1',
  port: server.port,
  database: 'postgres',
  sslmode,
  username: 'postgres',
  password: 'unused',
  ...rest,
});

/** How the target sees the connection. */
const outcome = (to: TargetLogin, within: Parameters<typeof withTarget>[1] = reach): Promise<string> =>
  withTarget(to, within, async (client) => {
    const { rows } = await client.query('select ssl from pg_stat_ssl where pid = pg_backend_pid()');
    return rows[0].ssl ? 'encrypted' : 'in clear';
  }).catch(({ code }) => code);

describe('a target with TLS', () => {
  it.each<[SslMode, keyof typeof authorities, string | undefined, string]>([
    ['verify-full', 'ours', undefined, 'encrypted'],
    ['verify-full', 'ours', 'localhost', 'encrypted'],
    ['verify-full', 'ours', 'db.example.org', 'unreachable'],
    ['verify-full', 'others', undefined, 'unreachable'],
    ['verify-full', 'none', undefined, 'unreachable'],
    ['verify-ca', 'ours', 'db.example.org', 'encrypted'],
    ['verify-ca', 'others', undefined, 'unreachable'],
    ['require', 'others', 'db.example.org', 'encrypted'],
    ['disable', 'ours', undefined, 'in clear'],
  ])('%s, the authority %s, the name %s: %s', async (sslmode, authority, tlsServerName, expected) => {
    const tlsCa = authorities[authority];
    expect(await outcome(login(encrypted, sslmode, { tlsCa, tlsServerName }))).toBe(expected);
  });
});

describe('a target without TLS', () => {
  it.each<[SslMode, string]>([
    ['verify-full', 'unreachable'],
    ['verify-ca', 'unreachable'],
    ['require', 'unreachable'],
    ['disable', 'in clear'],
  ])('%s: %s', async (sslmode, expected) => {
    expect(await outcome(login(plain, sslmode, { tlsCa: authorities.ours }))).toBe(expected);
  });
});

describe('an installation that demands', () => {
  it.each<[SslMode, SslMode, string]>([
    ['verify-full', 'verify-ca', 'sslmode_refused'],
    ['verify-full', 'verify-full', 'encrypted'],
    ['require', 'disable', 'sslmode_refused'],
    ['require', 'require', 'encrypted'],
    ['require', 'verify-full', 'encrypted'],
  ])('%s, reaches a target with %s: %s', async (weakestSslmode, sslmode, expected) => {
    const to = login(encrypted, sslmode, { tlsCa: authorities.ours });
    expect(await outcome(to, { ...reach, weakestSslmode })).toBe(expected);
  });
});
