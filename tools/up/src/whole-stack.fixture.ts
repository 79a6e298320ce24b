import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePortBlock, tempDir } from '@gatehouse/testing';
import pg from 'pg';
import { Agent, type Dispatcher, request } from 'undici';

const repository = join(import.meta.dirname, '../../..');

/** What bin/up.mjs does after compiling: a compilation in the middle of a test run would change what others run. */
const program = `
  const { main } = await import(${JSON.stringify(join(import.meta.dirname, 'main.js'))});
  await main(process.argv.slice(1), { repository: ${JSON.stringify(repository)}, startedAtMs: 0 });
  process.exit();`;

/** Twenty-two for services and servers, and the last two for the relay and the gateway. */
const portsOfStack = 40;
const portAttempts = 3;
/** Of what a stack said that did not start. */
const lastLines = 40;

export interface Answer {
  readonly status: number;
  readonly headers: Dispatcher.ResponseData['headers'];
  readonly text: string;
}

export interface WholeStack {
  /** The data folder; see data-folder.ts. */
  readonly data: string;
  /** `https://<host>:<port>` */
  readonly url: string;
  /** Port of the first service; the table of services says the others. */
  readonly portBase: number;
  readonly operatorKey: string;
  /** The superuser's connection: sees all tenants. */
  readonly database: pg.Client;
  /** Over TLS with the stack's own authority, through the gateway. */
  call(path: string, options?: Parameters<typeof request>[1]): Promise<Answer>;
  /** Processes of this stack whose command line names the program. */
  pidsOf(program: string): number[];
  stop(): Promise<void>;
}

/** The whole product as `npm start` runs it, on ports and a folder of its own. `host`: where others reach it. */
export async function startWholeStack(
  name: string,
  settings: NodeJS.ProcessEnv = {},
  host = 'localhost',
): Promise<WholeStack> {
  const folder = tempDir(name);
  const data = join(folder.path, 'data');
  const { up, portBase, port } = await launch(data, settings, host);
  const agent = new Agent({
    connect: { ca: readFileSync(join(data, 'tls/ca.pem'), 'utf8'), servername: isIP(host) === 0 ? host : '' },
    connections: 32,
  });
  const password = encodeURIComponent(readFileSync(join(data, 'secrets/postgres.password'), 'utf8').trim());
  const database = new pg.Client({
    connectionString: `postgres://postgres:${password}@127.0.0.1:${portBase + 20}/gatehouse`,
  });
  database.on('error', () => undefined);
  await database.connect();
  const { operatorKey } = JSON.parse(readFileSync(join(data, 'first-owner.json'), 'utf8')) as { operatorKey: string };
  const url = `https://${host}:${port}`;
  return {
    data,
    url,
    portBase,
    operatorKey,
    database,
    async call(path, options = {}) {
      const { statusCode, headers, body } = await request(`${url}${path}`, { dispatcher: agent, ...options });
      return { status: statusCode, headers, text: await body.text() };
    },
    pidsOf: (wanted) => pidsOf(data, wanted),
    async stop() {
      await database.end();
      await agent.close();
      const gone = once(up, 'exit');
      up.kill('SIGTERM');
      await gone;
      folder.remove();
    },
  };
}

interface Launched {
  readonly up: ChildProcess;
  readonly portBase: number;
  readonly port: number;
}

/** Ports that were free may be taken when they are bound; only then are others tried. */
async function launch(data: string, settings: NodeJS.ProcessEnv, host: string): Promise<Launched> {
  for (let attempt = 1; ; attempt += 1) {
    const portBase = await freePortBlock(portsOfStack);
    const port = portBase + portsOfStack - 1;
    const ports = ['--port', `${port}`, '--relay-port', `${port - 1}`, '--port-base', `${portBase}`];
    const flags = ['--data', data, ...ports, '--json', '--yes', '--host', host];
    try {
      return { up: await untilReady(flags, settings), portBase, port };
    } catch (error) {
      if (attempt === portAttempts || !/already in use|EADDRINUSE/.test((error as Error).message)) throw error;
    }
  }
}

/** Rejects with the last that the stack said, if it ends instead. */
async function untilReady(flags: readonly string[], settings: NodeJS.ProcessEnv): Promise<ChildProcess> {
  const up = spawn(process.execPath, ['--input-type=module', '-e', program, '--', ...flags], {
    cwd: repository,
    env: { ...process.env, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said: string[] = [];
  await new Promise<void>((resolve, reject) => {
    for (const input of [up.stdout, up.stderr])
      createInterface({ input }).on('line', (line) => {
        if (said.push(line) > lastLines) said.shift();
        if (line.includes('"event":"ready"')) resolve();
      });
    up.once('close', (code) => reject(new Error(`the stack ended with ${code}:\n${said.join('\n')}`)));
  });
  return up;
}

function pidsOf(data: string, wanted: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        const ours = readFileSync(`/proc/${pid}/environ`, 'utf8').includes(data) || command.includes(data);
        return ours && command.split('\0').some((word) => word.includes(wanted)) && !command.includes('watchdog');
      } catch {
        return false; // ended meanwhile
      }
    })
    .map(Number);
}
