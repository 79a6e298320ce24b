import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePortBlock, tempDir, waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Summary } from './progress.js';

const repository = join(import.meta.dirname, '../../..');
const START_TIMEOUT_MS = 120_000;
/** Away from the defaults: a developer's own stack may be running. */
const portBase = await freePortBlock(40);
const ports = ['--port', `${portBase + 39}`, '--relay-port', `${portBase + 38}`, '--port-base', `${portBase}`];

interface Up {
  process: ChildProcess;
  ready: Summary;
  notes: () => string[];
  exitCode: Promise<number | null>;
}

const dir = tempDir('up');
const data = join(dir.path, 'data');
let up: Up;

/** What bin/up.mjs does after compiling: a compilation would count as part of the start. */
const program = `
  const { main } = await import(${JSON.stringify(join(import.meta.dirname, 'main.js'))});
  await main(process.argv.slice(1), { repository: ${JSON.stringify(repository)}, startedAtMs: 0 });
  process.exit();`;

function launch(flags: string[] = [], env: NodeJS.ProcessEnv = {}) {
  const args = ['--input-type=module', '-e', program, '--', '--json', '--data', data, ...ports, ...flags];
  const child = spawn(process.execPath, args, {
    cwd: repository,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk;
  });
  const exitCode = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { child, output, exitCode };
}

async function start(): Promise<Up> {
  const { child, output, exitCode } = launch();
  const events = () =>
    output.stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as { event: string; text: string });
  const ready = await waitFor(
    () => {
      if (child.exitCode !== null) return { failed: output.stderr };
      return events().find(({ event }) => event === 'ready');
    },
    { timeoutMs: START_TIMEOUT_MS, intervalMs: 5, message: () => `ready; ${output.stderr}` },
  );
  if ('failed' in ready) throw new Error(ready.failed);
  const notes = () =>
    events()
      .filter(({ event }) => event === 'note')
      .map(({ text }) => text);
  return { process: child, ready: ready as unknown as Summary, notes, exitCode };
}

/** Every process that was told of our data folder, by argument or by environment. */
function processesOfStack(): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid)
    .filter((pid) => ['cmdline', 'environ'].some((file) => readOrEmpty(`/proc/${pid}/${file}`).includes(data)));
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

const pidOf = (program: string): number => {
  const pids = processesOfStack().filter((pid) => readOrEmpty(`/proc/${pid}/cmdline`).includes(program));
  return pids[0] ?? Number.NaN;
};

/** As a person would: the printed line, in a shell. */
async function runPrintedCurl(): Promise<{ decision?: boolean }> {
  if (up.ready.curl === undefined) throw new Error(`nothing to try: ${up.ready.warnings}`);
  const { stdout } = await promisify(execFile)('sh', ['-c', `${up.ready.curl} --silent --show-error --max-time 10`], {
    cwd: repository,
  });
  return JSON.parse(stdout) as { decision?: boolean };
}

const operatorKeyOf = () =>
  (JSON.parse(readFileSync(join(data, 'first-owner.json'), 'utf8')) as { operatorKey: string }).operatorKey;

const readsOf: Readonly<Record<string, string>> = {
  identity: '/api/v1/identity/keys',
  policy: '/api/v1/policy/position',
  vault: '/api/v1/vault/secrets-overview',
  registry: '/api/v1/devices',
  relay: '/api/v1/relay/tunnels',
  audit: '/api/v1/audit/key',
};

beforeAll(async () => {
  up = await start();
}, START_TIMEOUT_MS);

afterAll(async () => {
  up.process.kill('SIGKILL');
  await waitFor(() => processesOfStack().length === 0, { timeoutMs: 60_000, message: 'the stack gone' });
  dir.remove();
});

describe('npm start', () => {
  it('is ready when every service knows the key that it made', async () => {
    const headers = { authorization: `Bearer ${operatorKeyOf()}` };
    const asked = Object.entries(readsOf).map(async ([service, path]) => {
      const { status } = await fetch(`${up.ready.services[service]}${path}`, { headers });
      return [service, status];
    });
    // On a first start, asked at once.
    expect(Object.fromEntries(await Promise.all(asked))).toEqual(
      Object.fromEntries(Object.keys(up.ready.services).map((service) => [service, 200])),
    );
  });

  it('answers the printed curl line, and shows the key nowhere', async () => {
    expect((await runPrintedCurl()).decision).toBe(true);
    const operatorKey = operatorKeyOf();
    expect(JSON.stringify(up.ready)).not.toContain(operatorKey);
    for (const pid of processesOfStack()) {
      const shown = ['cmdline', 'environ'].map((file) => readOrEmpty(`/proc/${pid}/${file}`)).join();
      expect(shown).not.toContain(operatorKey);
      for (const secret of secretTexts()) expect(shown).not.toContain(secret);
    }
  });

  it('refuses a second start on the same folder, and a reset', async () => {
    for (const flags of [[], ['--reset', '--yes']]) {
      const { exitCode, output } = launch(flags);
      expect(await exitCode).toBe(1);
      expect(output.stderr).toContain(String(up.process.pid));
    }
  });

  it.each(['apps/policy/', 'nats-server'])('starts %s again when it is killed', async (program) => {
    const before = pidOf(program);
    process.kill(before, 'SIGKILL');
    await waitFor(() => pidOf(program) !== before && pidOf(program) > 0, { message: program });
    await waitFor(async () => (await runPrintedCurl()).decision, { message: 'a decision' });
    expect(up.notes().join('\n')).toContain('ended (signal SIGKILL); starting it again');
  });

  it('stops everything on SIGTERM, with exit code 0', async () => {
    up.process.kill('SIGTERM');
    expect(await up.exitCode).toBe(0);
    expect(processesOfStack()).toEqual([]);
  });

  it('is ready again within 10 s, with the same owner and authority', async () => {
    const first = up.ready;
    up = await start();
    expect(up.ready.caFingerprint).toBe(first.caFingerprint);
    // On a machine that does nothing else; others' load is not ours.
    expect(up.ready.seconds).toBeLessThan(10 * Math.max(1, (loadavg()[0] ?? 0) / availableParallelism()));
    expect((await runPrintedCurl()).decision).toBe(true);
  });

  it('says why a service does not start, and leaves nothing running', async () => {
    up.process.kill('SIGTERM');
    await up.exitCode;
    const { exitCode, output } = launch([], { DECISION_WRITERS: 'many' });
    expect(await exitCode).toBe(1);
    expect(output.stderr).toMatch(/Gatehouse did not start: policy ended .*DECISION_WRITERS/s);
    expect(processesOfStack()).toEqual([]);
  });

  it('prints no command for a key that nobody knows any more, and says so', async () => {
    const file = join(data, 'curl.header');
    const header = readFileSync(file, 'utf8');
    writeFileSync(file, header.replace(/.{8}\n$/, 'aaaaaaaa\n'));
    up = await start();
    writeFileSync(file, header);
    expect(up.ready.curl).toBeUndefined();
    const all = Object.keys(up.ready.services).map((service) => `${service} answers 401`);
    expect(up.ready.warnings?.join()).toContain(`${file} does not work (${all.join(', ')})`);
  });

  it('leaves no orphan when it is killed', async () => {
    up.process.kill('SIGKILL');
    await waitFor(() => processesOfStack().length === 0, { timeoutMs: 60_000, message: 'no process left' });
    up = await start();
    expect((await runPrintedCurl()).decision).toBe(true);
  });
});

function secretTexts(): string[] {
  const folder = join(data, 'secrets');
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.pem'))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8').trim());
}
