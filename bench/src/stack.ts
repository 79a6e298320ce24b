import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePortBlock } from '@gatehouse/local-servers';
import pg from 'pg';
import { type Child, startChild } from './child.js';

export interface Stack extends Child {
  readonly gateway: string;
  readonly services: Readonly<Record<string, string>>;
  /** The operator's key. */
  readonly key: string;
  readonly databaseUrl: string;
  readonly natsUrl: string;
  /** File with the seed of a service's user on the bus. */
  readonly natsSeed: (service: string) => string;
  /** Where identity writes its letters. */
  readonly mail: string;
}

interface Ready {
  readonly url: string;
  readonly services: Record<string, string>;
}

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The whole product, or some of its services, as `npm start` runs it, durable, on free ports and in a folder that is removed again. */
export async function startStack(services?: string): Promise<Stack> {
  // Readable for others: PostgreSQL does not run as root and must reach its folder.
  const data = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'));
  const portBase = await freePortBlock(40);
  const args = [
    '--data',
    join(data, 'data'),
    '--port',
    `${portBase + 39}`,
    '--relay-port',
    `${portBase + 38}`,
    '--port-base',
    `${portBase}`,
    '--json',
    '--yes',
  ];
  if (services) args.push('--services', services);
  const child = await startChild([join(root, 'tools/up/bin/up.mjs'), ...args], (line) => readReady(line) !== undefined);
  const ready = readReady(child.line);
  if (!ready) throw new Error('the stack said nothing of its addresses');
  const credentials = JSON.parse(readFileSync(join(data, 'data/cli/credentials.json'), 'utf8'));
  const password = readFileSync(join(data, 'data/secrets/postgres.password'), 'utf8').trim();
  const databaseUrl = `postgres://postgres:${encodeURIComponent(password)}@127.0.0.1:${portBase + 20}/gatehouse`;
  await writeLogFiles(databaseUrl);
  return {
    process: child.process,
    gateway: ready.url,
    services: ready.services,
    key: credentials.credentials.APIKey.api_key,
    databaseUrl,
    natsUrl: `nats://127.0.0.1:${portBase + 21}`,
    natsSeed: (service) => join(data, 'data/secrets/nats', `${service}.seed`),
    mail: join(data, 'data/mail'),
    stop: async () => {
      await child.stop();
      rmSync(data, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Files of 16 MiB, a minute's worth of load. */
const logFiles = 64;

/**
 * Leaves PostgreSQL with log files to write over, as it has them after its first gigabytes. Until then it makes new ones under load,
 * and commits wait meanwhile: that is soon over in the life of a database, and would last for all of a measurement.
 */
async function writeLogFiles(connectionString: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    await client.query(`alter system set min_wal_size = '${logFiles * 16}MB'`);
    await client.query('select pg_reload_conf()');
    await client.query('create table written (file int)');
    for (let file = 0; file < logFiles; file++) {
      // A file without anything in it is not left.
      await client.query('insert into written values ($1)', [file]);
      await client.query('select pg_switch_wal()');
    }
    await client.query('drop table written');
    await client.query('checkpoint');
  } finally {
    await client.end();
  }
}

function readReady(line: string): Ready | undefined {
  try {
    const said = JSON.parse(line);
    return typeof said.url === 'string' && said.services ? said : undefined;
  } catch {
    return undefined;
  }
}
