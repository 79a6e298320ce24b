import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createKeyFile } from '@gatehouse/crypto';
import { freePort } from '@gatehouse/local-servers';
import { startTestPostgres, type TestPostgres } from '@gatehouse/testing';
import pg from 'pg';
import type { Row } from '../report.js';

const main = fileURLToPath(new URL('../../../apps/policy/dist/src/main.js', import.meta.url));
const [tenants, people] = [100, 200_000];
const lookMs = 10;

/** Rows as their projections write them, in the parts of a platform with teams, projects and resources that are described. */
const rowsOf = (facts: number): readonly string[] => [
  `insert into policy.grants
   select 't-' || n % ${tenants}, substr(translate(encode(sha256(n::text::bytea), 'base64'), '+/', '-_'), 1, 22), 'user',
     'u-' || n % ${people}, (array['admin', 'maintainer', 'developer', 'viewer'])[1 + n % 4],
     case when n % 3 = 0 then '*' else 'project/p-' || n % 20000 end, true, 1, 'user', 'u-1', now()
   from generate_series(1, ${facts * 0.7}) n`,
  `insert into policy.group_members
   select 't-' || n % ${tenants}, jsonb_build_object('type', 'team', 'id', 'team-' || n % 5000),
     jsonb_build_object('type', 'user', 'id', 'u-' || n)
   from generate_series(1, ${facts * 0.15}) n`,
  `insert into policy.entities
   select 't-' || n % ${tenants}, 'secret', 'prod/secret-' || n, '{"tier": "gold", "env": "prod"}', '{"size": 3}',
     jsonb_build_array(jsonb_build_object('type', 'project', 'id', 'p-' || n % 20000)), 'user', 'u-' || n % ${people},
     1, 'user', 'u-1', now()
   from generate_series(1, ${facts * 0.1}) n`,
  `insert into policy.relationships
   select 't-' || n % ${tenants}, 'r-' || n, 'user', 'u-' || n % ${people}, 'assignee', 'secret', 'prod/secret-' || n, 1,
     'user', 'u-1', now()
   from generate_series(1, ${facts * 0.05}) n`,
  'analyze',
];

/** The real service, started on a database that holds the facts already: when is it ready, and how large is it then? */
export async function facts(count: number): Promise<readonly Row[]> {
  const postgres = await startTestPostgres({ durable: true });
  const pepperFile = join(tmpdir(), `gatehouse-bench-pepper-${process.pid}`);
  createKeyFile(pepperFile, randomBytes(32));
  const env = await environment(postgres, pepperFile);
  try {
    await run(['migrate'], env);
    const empty = await measureStart(env);
    const admin = new pg.Client({ connectionString: env.ADMIN_DATABASE_URL });
    await admin.connect();
    for (const text of rowsOf(count)) await admin.query(text);
    await admin.end();
    const full = await measureStart(env);
    const seconds = (ms: number) => `${(ms / 1_000).toFixed(2)} s`;
    return [
      { name: 'start without facts', value: seconds(empty.readyMs) },
      { name: `start with ${count.toLocaleString('en-US')} facts`, value: seconds(full.readyMs) },
      { name: 'processor time of both', value: `${seconds(empty.processorMs)} and ${seconds(full.processorMs)}` },
      { name: 'longest silence of /livez meanwhile', value: `${Math.round(full.silenceMs)} ms` },
      { name: 'memory without facts', value: `${empty.residentMiB} MiB` },
      { name: 'memory with them, ready', value: `${full.residentMiB} MiB` },
      { name: 'memory, highest until then', value: `${full.highestMiB} MiB` },
    ];
  } finally {
    rmSync(pepperFile);
    await postgres.stop();
  }
}

async function environment(postgres: TestPostgres, pepperFile: string): Promise<NodeJS.ProcessEnv> {
  const withPassword = (url: string) => url.replace('@', ':bench-password@');
  return {
    ...process.env,
    ADMIN_DATABASE_URL: await postgres.createDatabase('gatehouse'),
    DATABASE_URL: withPassword(postgres.urlOf('gatehouse', 'gatehouse_policy')),
    DATABASE_SYSTEM_URL: withPassword(postgres.urlOf('gatehouse', 'gatehouse_policy_system')),
    NATS_URL: `nats://127.0.0.1:${await freePort()}`, // nobody there: policy is ready without
    PEPPER_FILE: pepperFile,
    LOG_LEVEL: 'error',
  };
}

async function run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const child = spawn(process.execPath, [main, ...args], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`policy ${args.join(' ')} ended with ${code}`);
}

async function measureStart(env: NodeJS.ProcessEnv) {
  const port = await freePort();
  const startedAt = performance.now();
  const child = spawn(process.execPath, [main, 'serve'], {
    env: { ...env, SERVICE_PORT: `${port}` },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  try {
    let [silenceMs, lastAnswerAt] = [0, 0];
    for (;;) {
      if (child.exitCode !== null) throw new Error('policy ended before it was ready');
      const isAlive = await isOk(port, '/livez');
      const now = performance.now();
      // From its first answer on: before that nobody is told that it runs.
      if (isAlive && lastAnswerAt > 0) silenceMs = Math.max(silenceMs, now - lastAnswerAt);
      if (isAlive) lastAnswerAt = now;
      if (isAlive && (await isOk(port, '/readyz'))) break;
      await new Promise((resolve) => setTimeout(resolve, lookMs));
    }
    return { readyMs: performance.now() - startedAt, silenceMs, processorMs: processorMsOf(child), ...memoryOf(child) };
  } finally {
    child.kill('SIGTERM');
    if (child.exitCode === null) await once(child, 'exit');
  }
}

const isOk = (port: number, path: string): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}${path}`).then(
    (response) => response.ok,
    () => false,
  );

/** User and system time, which other work on the machine does not lengthen; Linux counts it in hundredths of a second. */
function processorMsOf({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function memoryOf({ pid }: ChildProcess) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mebibytes = (name: string) => Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1_024);
  return { residentMiB: mebibytes('VmRSS'), highestMiB: mebibytes('VmHWM') };
}
