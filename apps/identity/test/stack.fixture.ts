import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { connectBus, ensureTopology, serve } from '@gatehouse/bus';
import { type DecideRequest, decide } from '@gatehouse/contracts';
import { createKeyFile } from '@gatehouse/crypto';
import {
  type SupervisedChild,
  startTestNats,
  startTestPostgres,
  superviseChild,
  type TestNats,
  type TestPostgres,
  tempDir,
  waitFor,
} from '@gatehouse/testing';
import pg from 'pg';

const program = fileURLToPath(new URL('../src/main.js', import.meta.url));

/** Real servers, a migrated schema and key files; `policy` stands in for the other service that answers decisions. */
export interface Stack {
  readonly postgres: TestPostgres;
  readonly nats: TestNats;
  readonly folder: string;
  readonly policy: PolicyStandIn;
  /** The environment of a healthy replica. */
  env(changes?: Record<string, string>): NodeJS.ProcessEnv;
  /** Runs a command of the service to its end. */
  run(args: readonly string[], changes?: Record<string, string>): Promise<Finished>;
  /** Starts a replica and waits until it is ready. */
  serve(changes?: Record<string, string>): Promise<Replica>;
  /** Starts a replica and waits for nothing. */
  launch(changes?: Record<string, string>, args?: readonly string[]): Promise<Launched>;
  /** `bootstrap` of a tenant; answers what stands in its file. */
  bootstrap(tenantId?: string, more?: readonly string[]): Promise<FirstOwner>;
  /** A connection of the superuser: sees everything, whatever row-level security says. */
  superuser<T extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<T[]>;
  stop(): Promise<void>;
}

export interface FirstOwner {
  readonly tenantId: string;
  readonly ownerId: string;
  readonly setupToken: string;
  readonly setupExpiresAt: string;
  readonly operatorKey: string;
}

export interface Finished {
  readonly code: number | null;
  readonly output: string;
}

export interface Launched {
  readonly child: SupervisedChild;
  /** Everything it has written so far, both streams. */
  log(): string;
}

export interface Replica extends Launched {
  readonly address: string;
}

export interface PolicyStandIn {
  readonly asked: DecideRequest[];
  /** Answers `false` for what this matches; everything else is allowed. */
  denies: (request: DecideRequest) => boolean;
  stop(): Promise<void>;
}

export async function startStack(): Promise<Stack> {
  const dir = tempDir('gatehouse-identity-');
  const [postgres, nats] = await Promise.all([startTestPostgres({ durable: true }), startTestNats()]);
  const databaseUrl = await postgres.createDatabase('gatehouse');
  const [pepper, root] = [join(dir.path, 'pepper'), join(dir.path, 'root-key')];
  createKeyFile(pepper, randomBytes(32));
  createKeyFile(root, randomBytes(32));
  const policy = await startPolicy(nats.url);
  const login = (user: string) => `postgres://${user}:secret-of-${user}@127.0.0.1:${postgres.port}/gatehouse`;
  const env = (changes: Record<string, string> = {}): NodeJS.ProcessEnv => ({
    PATH: process.env.PATH,
    SERVICE_PORT: '0',
    DATABASE_URL: login('gatehouse_identity'),
    DATABASE_SYSTEM_URL: login('gatehouse_identity_system'),
    ADMIN_DATABASE_URL: databaseUrl,
    NATS_URL: nats.url,
    PEPPER_FILE: pepper,
    ROOT_KEY_FILE: root,
    LOG_LEVEL: 'debug',
    ...changes,
  });
  const launch: Stack['launch'] = async (changes, args = ['serve']) => {
    const child = await superviseChild({
      name: 'identity',
      command: process.execPath,
      args: ['--enable-source-maps', program, ...args],
      env: env(changes),
      output: 'pipe',
    });
    return { child, log: collect(child) };
  };
  const run: Stack['run'] = async (args, changes) => {
    const { child, log } = await launch(changes, args);
    const { code } = await child.exited;
    return { code, output: log() };
  };
  const replicas: Launched[] = [];
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 });
  pool.on('error', () => undefined);
  const migrated = await run(['migrate']);
  if (migrated.code !== 0) throw new Error(migrated.output);

  return {
    postgres,
    nats,
    folder: dir.path,
    policy,
    env,
    run,
    launch,
    async serve(changes) {
      const launched = await launch(changes);
      replicas.push(launched);
      return ready(launched);
    },
    async bootstrap(tenantId = 'main', more = []) {
      const out = join(dir.path, `${tenantId}-first-owner.json`);
      const { code, output } = await run(
        ['bootstrap', '--email', 'owner@localhost', '--tenant', tenantId, '--out', out, ...more],
      );
      if (code !== 0) throw new Error(output);
      return JSON.parse(readFileSync(out, 'utf8')) as FirstOwner;
    },
    superuser: async <T extends pg.QueryResultRow>(text: string, values: unknown[] = []) =>
      (await pool.query<T>(text, values)).rows,
    async stop() {
      await Promise.all(replicas.map(({ child }) => child.stop()));
      await policy.stop();
      await pool.end();
      await Promise.all([postgres.stop(), nats.stop()]);
      dir.remove();
    },
  };
}

async function startPolicy(url: string): Promise<PolicyStandIn> {
  const nc = await connectBus({ servers: url, user: 'policy' });
  await ensureTopology(nc);
  const policy: PolicyStandIn = { asked: [], denies: () => false, stop: () => nc.close() };
  serve(nc, decide, async (request) => {
    policy.asked.push(request);
    return { decision: !policy.denies(request), id: decisionId(policy.asked.length), reason: 'stand-in' };
  });
  return policy;
}

/** The id of the n-th decision that was asked for. */
export const decisionId = (n: number): string => `0190a1b2-0000-7000-8000-${String(n).padStart(12, '0')}`;

function collect({ stdout, stderr }: SupervisedChild): () => string {
  const chunks: string[] = [];
  for (const stream of [stdout, stderr])
    if (stream) createInterface({ input: stream }).on('line', (line) => chunks.push(line));
  return () => chunks.join('\n');
}

async function ready(launched: Launched): Promise<Replica> {
  const { child, log } = launched;
  const address = await waitFor(
    () => {
      if (!child.running()) throw new Error(log());
      return /"address":"([^"]+)"/.exec(log())?.[1];
    },
    { message: log, timeoutMs: 20_000 },
  );
  await waitFor(async () => (await fetch(`${address}/readyz`)).ok, { message: log, timeoutMs: 20_000 });
  return { ...launched, address };
}

/** What any answer of the API may hold, as far as tests read it. */
export interface AnswerBody {
  readonly code: string;
  readonly detail: string;
  readonly keyId: string;
  readonly key: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly expiresAt: string;
  readonly ownerId: string;
  readonly keys: readonly AnswerBody[];
  readonly nextCursor: string | null;
  readonly projections: readonly { name: string; rebuildRequested: boolean; lastRebuild: unknown }[];
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: AnswerBody;
}

export interface Call {
  readonly key?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Calls `METHOD /path` of a replica's API. */
export async function api({ address }: { readonly address: string }, what: string, call: Call = {}): Promise<Answer> {
  const [method = 'GET', path = ''] = what.split(' ');
  const response = await fetch(`${address}/api/v1/identity${path}`, {
    method,
    headers: {
      ...(call.key !== undefined && { authorization: `Bearer ${call.key}` }),
      ...(call.body !== undefined && { 'content-type': 'application/json' }),
      ...call.headers,
    },
    ...(call.body !== undefined && { body: JSON.stringify(call.body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
}

/** A key works as soon as its event has been projected: milliseconds after it was made. */
export const works = (replica: { readonly address: string }, key: string): Promise<true> =>
  waitFor(async () => (await api(replica, 'GET /me', { key })).status === 200, { message: 'the key to work' });
