import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { tempDir, waitFor } from '@gatehouse/testing';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { caller } from '../world.fixture.js';
import { askCommand, askTerminal, describeRequest } from './approve.js';
import { tagOf } from './data-folder.js';
import { endStrays } from './process/end-processes.js';
import { readProcess } from './process/process-table.js';
import { RegistryStandIn } from './registration/registry.fixture.js';
import { InstanceLock, isLocked } from './service/instance-lock.js';
import { unitText } from './service/unit.js';
import { grantFor } from './stream/client.fixture.js';

let root: ReturnType<typeof tempDir>;
let registry: RegistryStandIn;
const children: ChildProcess[] = [];
beforeEach(async () => {
  root = tempDir('runtime-commands');
  registry = new RegistryStandIn();
  await registry.listen();
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  registry.close();
  root.remove();
});

const data = () => join(root.path, '.local/share/gatehouse');
const gone = (pid: number) => waitFor(async () => (await readProcess(pid))?.isZombie ?? true);

function start(args: readonly string[], env: Record<string, string> = {}) {
  const program = new URL('../../../bin/gatehouse.mjs', import.meta.url).pathname;
  const child = spawn(process.execPath, [program, 'runtime', 'run', '--url', registry.url, ...args], {
    cwd: root.path,
    env: { PATH: process.env.PATH, HOME: root.path, ...env },
  });
  children.push(child);
  let text = '';
  child.stderr.on('data', (chunk) => {
    text += String(chunk);
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, ended, text: () => text };
}

// Each start loads the whole command line in a process of its own.
jest.setTimeout(90_000);

describe('gatehouse runtime', () => {
  it('registers, runs once, is shown, stops, and is forgotten', async () => {
    const call = caller(root.path);
    expect((await call(['runtime', 'status'])).exitCode).toBe(1);
    const first = start(['--email', 'ann@example.org']);
    await waitFor(() => first.text().includes('Waiting for approval'), { message: first.text });
    expect(first.text().includes('sessions act as root')).toBe(process.geteuid?.() === 0);
    const second = start(['--email', 'ann@example.org']);
    expect(await second.ended).toBe(1);
    expect(second.text()).toContain('a runtime is running already');
    registry.state = 'approved';
    await waitFor(() => first.text().includes('Approved as edge-1'), { message: first.text });
    await waitFor(async () => (await call(['runtime', 'status', '--json'])).out.includes('"tunnel"'), {
      ...{ message: first.text, timeoutMs: 30_000 },
    });
    const shown = JSON.parse((await call(['runtime', 'status', '--json'])).out) as Record<string, unknown>;
    expect(shown).toMatchObject({ running: true, registration: 'approved', name: 'edge-1', pid: first.child.pid });
    expect(shown.fingerprint).toMatch(/^[0-9a-f]{64}$/);
    expect((await call(['runtime', 'status'])).out).toContain('running');
    expect((await call(['runtime', 'logout'])).error).toContain('the runtime is running');
    expect((await call(['runtime', 'stop'])).exitCode).toBe(0);
    expect(await first.ended).toBe(0);
    expect(first.text()).not.toContain(registry.apiKey);
    expect((await call(['runtime', 'logout'])).exitCode).toBe(0);
    expect(existsSync(join(data(), 'device-keys.json'))).toBe(false);
    expect((await call(['runtime', 'stop'])).exitCode).toBe(1);
  });

  it('does not begin without an owner, and not again once it was rejected', async () => {
    const nobody = start([]);
    expect(await nobody.ended).toBe(2);
    expect(nobody.text()).toContain('--email');
    registry.state = 'rejected';
    expect(await start([], { OWNER_REFERENCE: 'acme' }).ended).toBe(4);
    const calls = registry.heard.length;
    const again = start([], { OWNER_REFERENCE: 'acme' });
    expect(await again.ended).toBe(4);
    expect(again.text()).toContain('rejected');
    expect(registry.heard.length).toBe(calls);
  });

  it('that was removed says so and ends', async () => {
    registry.state = 'approved';
    const runtime = start(['--org-id', 'acme']);
    await waitFor(() => registry.heard.some(({ path }) => path.endsWith('/heartbeat')), {
      ...{ message: runtime.text, timeoutMs: 30_000 },
    });
    runtime.child.kill('SIGTERM');
    expect(await runtime.ended).toBe(0);
    registry.state = 'removed';
    const next = start([]);
    expect(await next.ended).toBe(4);
    expect(next.text()).toContain('this device was removed');
    const calls = registry.heard.length;
    expect(await start([]).ended).toBe(4);
    expect(registry.heard.length).toBe(calls);
  });
});

describe('one runtime', () => {
  it('holds a lock of the kernel: another one gets it when the first is gone, however it went', async () => {
    const held = InstanceLock.take(data());
    expect([InstanceLock.take(data()), isLocked(data())]).toEqual([undefined, true]);
    held?.release();
    expect(isLocked(data())).toBe(false);
    const other = spawn('flock', [join(data(), 'runtime.lock'), 'sleep', '1000'], { detached: true });
    await waitFor(() => isLocked(data()));
    process.kill(-Number(other.pid), 'SIGKILL');
    await waitFor(() => !isLocked(data()));
  });

  it('ends what one that was killed left running, and nothing else', async () => {
    const of = (tag: string) => {
      const child = spawn('sleep', ['1000'], { env: { PATH: process.env.PATH, GATEHOUSE_SESSION: `${tag}.x` } });
      children.push(child);
      return Number(child.pid);
    };
    const [mine, other] = [of(tagOf(data())), of(tagOf('/elsewhere'))];
    await waitFor(async () => (await endStrays(tagOf(data()))) === 1);
    await gone(mine);
    expect((await readProcess(other))?.isZombie).toBe(false);
  });
});

describe('the unit', () => {
  const settings = {
    user: 'edge',
    command: ['/usr/bin/node', '/opt/gatehouse.mjs', 'runtime', 'run'],
    environment: {},
  };

  it('is of an account, hardened unless sudo is wanted, and leaves no process over', () => {
    const text = unitText({ ...settings, environment: { GATEHOUSE_URL: 'https://x' }, allowSudo: false });
    for (const line of [
      'User=edge',
      'NoNewPrivileges=yes',
      'KillMode=control-group',
      'Environment=GATEHOUSE_URL=https://x',
    ])
      expect(text.split('\n')).toContain(line);
    expect(unitText({ ...settings, allowSudo: true })).not.toContain('NoNewPrivileges');
  });

  it('is taken by systemd as it is, where there is one', () => {
    const file = join(root.path, 'gatehouse-runtime.service');
    writeFileSync(file, unitText({ ...settings, user: 'daemon', command: ['/bin/true', 'run'], allowSudo: false }));
    const { error, status, stderr } = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
    if (error) expect(error).toMatchObject({ code: 'ENOENT' });
    else expect([status, stderr.split('\n').filter((line) => line.includes('gatehouse-runtime'))]).toEqual([0, []]);
  });

  it.each(['', 'a b', 'a\nUser=root', '-x'])('is of no account %j', (user) => {
    expect(() => unitText({ ...settings, user, allowSudo: false })).toThrow('account');
  });

  it('is installed nowhere else, and asks on no terminal', async () => {
    const call = caller(root.path);
    const start = await call(['runtime', 'start', '--approve', '--org-id', 'main'], { GATEHOUSE_DATA_DIR: data() });
    expect([start.exitCode, start.error]).toEqual([2, expect.stringContaining('--approve-command')]);
    if (existsSync('/run/systemd/system')) return;
    const enable = await call(['runtime', 'enable', '--org-id', 'main']);
    expect([enable.exitCode, enable.error]).toEqual([5, expect.stringContaining('not run by systemd')]);
    expect(existsSync('/etc/systemd/system/gatehouse-runtime.service')).toBe(false);
  });

  it.each(['/opt/my apps/x', '/opt/%h/x', '/opt/x\nUser=root', '/opt/"x"'])('does not take %j', (word) => {
    expect(() => unitText({ ...settings, command: ['/usr/bin/node', word], allowSudo: false })).toThrow('unit');
  });
});

describe('approval at the device', () => {
  const grant = grantFor({ kind: 'shell', terminal: { term: 'x', rows: 1, columns: 1 } });
  const exec = { kind: 'exec', command: ['rm', '-rf', '/\u001b[2J'], stdin: false } as const;
  const open = { ...exec, command: [...exec.command] };

  it('says who wants what, and does nothing to the terminal', () => {
    expect(describeRequest(grant, open)).toContain('user/ann asks for exec: "rm" "-rf"');
    expect(describeRequest(grant, open)).not.toContain('\u001b');
  });

  it.each([
    ['y\n', true],
    ['yes\n', true],
    ['n\n', false],
    ['\n', false],
    ['', false],
  ])('%j is %s', async (answer, allowed) => {
    let asked = '';
    const ask = askTerminal({ stdin: Readable.from([answer]), writeError: (text) => (asked += text) });
    expect(await ask(grant, open)).toBe(allowed);
    expect(asked).toContain('Allow?');
  });

  it('nobody there is a no', async () => {
    const stdin = new Readable({ read: () => undefined });
    expect(await askTerminal({ stdin, writeError: () => undefined }, 20)(grant, open)).toBe(false);
  });

  it('or by a command, which is told what is asked for', async () => {
    mkdirSync(root.path, { recursive: true });
    const out = join(root.path, 'asked');
    writeFileSync(out, '');
    expect(await askCommand(`echo "$GATEHOUSE_SUBJECT $GATEHOUSE_KIND" > ${out}`, process.env)(grant, open)).toBe(true);
    expect(readFileSync(out, 'utf8')).toBe('user/ann exec\n');
    expect(await askCommand('exit 1', process.env)(grant, open)).toBe(false);
    expect(await askCommand('sleep 1000', process.env, 20)(grant, open)).toBe(false);
    expect(statSync(out).size).toBeGreaterThan(0);
  });
});
