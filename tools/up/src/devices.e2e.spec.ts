import { type ChildProcess, execFileSync, type SpawnOptions } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TempDir, tempDir, waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { labProblem, type NetworkLab, type Place, startNetworkLab } from './network-lab.fixture.js';
import { startWholeStack, type WholeStack } from './whole-stack.fixture.js';

const problem = labProblem();
// Without root there are no namespaces: then all there is to see is that this is the reason.
const inLab = (name: string, specs: () => void) =>
  problem === undefined
    ? describe(name, specs)
    : it(`${name}: ${problem}`, () => expect(problem).toMatch(/^(only root|no network namespaces)/));

const program = join(import.meta.dirname, '../../../apps/cli/bin/gatehouse.mjs');
/** The copy that is interrupted; a gigabyte when it is to be seen. */
const copyMegabytes = Number(process.env.DEVICE_COPY_MB ?? 48);

inLab('a device behind a router', () => {
  let lab: NetworkLab;
  let stack: WholeStack;
  let homes: TempDir;
  let runtime: ChildProcess;
  let said = '';

  const home = (place: Place) => join(homes.path, place);
  const settings = (place: Place): NodeJS.ProcessEnv => ({
    PATH: process.env.PATH,
    HOME: home(place),
    SHELL: '/bin/bash',
    LANG: 'C.UTF-8',
    TERM: 'xterm',
    GATEHOUSE_URL: stack.url,
    GATEHOUSE_CA: join(stack.data, 'tls/ca.pem'),
    ...(place === 'client' && { GATEHOUSE_API_KEY: stack.operatorKey }),
  });
  const start = (place: Place, args: readonly string[], options: SpawnOptions = {}) =>
    lab.spawn(place, process.execPath, [program, ...args], { env: settings(place), cwd: home(place), ...options });

  interface Ended {
    readonly code: number | null;
    readonly out: string;
    readonly error: string;
  }
  async function ended(child: ChildProcess, input?: string): Promise<Ended> {
    let [out, error] = ['', ''];
    child.stdout?.on('data', (chunk) => (out += chunk));
    child.stderr?.on('data', (chunk) => (error += chunk));
    // One that ends without reading, as a program that is not there does, is told of by its exit code.
    child.stdin?.on('error', () => undefined);
    if (input !== undefined) child.stdin?.end(input);
    const [code] = await once(child, 'close');
    return { code, out, error };
  }
  const gatehouse = (args: readonly string[], input?: string) => ended(start('client', args), input ?? '');
  const onClient = (command: string, ...args: string[]) =>
    ended(lab.spawn('client', command, args, { env: settings('client'), cwd: home('client') }), '');
  const exec = (...command: string[]) => gatehouse(['bench-1', 'exec', '--', ...command]);

  async function startRuntime(): Promise<void> {
    runtime = start('device', ['runtime', 'run', '--org-id', 'main']);
    for (const stream of [runtime.stdout, runtime.stderr]) stream?.on('data', (chunk) => (said += chunk));
  }
  const isOnline = async () => {
    const { out } = await gatehouse(['devices', 'show', 'bench-1', '--json']);
    return /"status":\s*"online"/.test(out);
  };
  /** Names a file over there: sessions act as whom the runtime runs as, whose home is not the test's. */
  const there = (name: string) => `bench-1:${home('device')}/${name}`;
  const hashOf = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');
  const secondsOf = async (work: () => Promise<unknown>): Promise<number> => {
    const before = performance.now();
    await work();
    return (performance.now() - before) / 1_000;
  };

  beforeAll(async () => {
    lab = startNetworkLab();
    homes = tempDir('devices');
    for (const place of ['client', 'device'] as const) mkdirSync(home(place), { recursive: true, mode: 0o700 });
    stack = await startWholeStack('devices', {}, lab.gate);
  });
  afterAll(async () => {
    runtime?.kill('SIGTERM');
    await stack?.stop();
    lab?.stop();
    homes?.remove();
  });

  it('asks, is approved with its fingerprint compared, comes online, and listens nowhere', async () => {
    await startRuntime();
    const pending = async () => {
      const { out } = await gatehouse(['devices', 'list', '--json']);
      return (JSON.parse(out) as { auth_requests?: { requestId: string; fingerprint: string }[] }).auth_requests?.[0];
    };
    await waitFor(async () => (await pending()) !== undefined);
    const request = await pending();
    expect(said).toContain(request?.fingerprint);
    const approve = ['devices', 'approve', `${request?.requestId}`, '--name', 'bench-1'];
    const wrong = await gatehouse([...approve, '--fingerprint', 'f'.repeat(64)]);
    expect(wrong.code).not.toBe(0);
    const right = await gatehouse([...approve, '--fingerprint', `${request?.fingerprint}`]);
    expect([right.code, right.error]).toEqual([0, expect.any(String)]);
    await waitFor(isOnline);
    expect(lab.listening('device')).toEqual([]);
  });

  it('runs programs: output, errors, codes and input apart', async () => {
    expect(await exec('sh', '-c', 'printf out; printf err >&2; exit 7')).toMatchObject({
      code: 7,
      out: 'out',
      error: expect.stringMatching(/err/),
    });
    const sorted = await gatehouse(['bench-1', 'exec', '-i', '--', 'sort'], 'b\na\n');
    expect(sorted).toMatchObject({ code: 0, out: 'a\nb\n' });
    expect(lab.listening('device')).toEqual([]);
  });

  it('gives a shell on a terminal, which goes on when the address of the device changes', async () => {
    const shell = lab.spawn(
      'client',
      'script',
      ['-qfec', `${process.execPath} ${program} bench-1 shell`, '/dev/null'],
      {
        env: settings('client'),
        cwd: home('client'),
      },
    );
    let shown = '';
    shell.stdout?.on('data', (chunk) => (shown += chunk));
    const type = (line: string) => shell.stdin?.write(`${line}\n`);
    const shows = (text: string) => waitFor(() => shown.includes(text));
    type('echo pid-$$-is');
    await waitFor(() => /pid-\d+-is/.test(shown));
    const [pid] = /pid-\d+-is/.exec(shown) as RegExpExecArray;
    lab.changeDeviceAddress();
    type('for i in $(seq 1 2000); do echo line-$i-; done; echo still-pid-$$-is');
    await shows(`still-${pid}`);
    for (let i = 1; i <= 2_000; i++) expect(shown.split(`line-${i}-`).length - 1).toBe(1);
    type('exit 3');
    const [code] = await once(shell, 'close');
    expect(code).toBe(3);
  });

  it('copies files both ways while its address changes, and loses nothing', async () => {
    const file = join(home('client'), 'big.bin');
    const content = randomBytes(1_048_576);
    writeFileSync(file, '');
    for (let i = 0; i < copyMegabytes; i++) writeFileSync(file, content, { flag: 'a' });
    const hash = hashOf(file);
    const isPartial = (place: Place) => readdirSync(home(place)).some((name) => /^\.gatehouse-.*\.part$/.test(name));
    const copied = async (into: Place, ...paths: string[]) => {
      const seconds = await secondsOf(async () => {
        const copy = gatehouse(['cp', ...paths]);
        // It lands whole: until then it is beside its name.
        await waitFor(() => isPartial(into));
        lab.changeDeviceAddress();
        expect(await copy).toMatchObject({ code: 0 });
      });
      console.log(
        `${copyMegabytes} MiB to the ${into}: ${(copyMegabytes / seconds).toFixed(1)} MiB/s, SHA-256 ${hash}`,
      );
    };
    await copied('device', file, there('big.bin'));
    expect(hashOf(join(home('device'), 'big.bin'))).toBe(hash);
    await copied('client', there('big.bin'), 'back.bin');
    expect(hashOf(join(home('client'), 'back.bin'))).toBe(hash);
  }, 1_200_000);

  it('keeps folders the same', async () => {
    const folder = join(home('client'), 'tree');
    mkdirSync(join(folder, 'a/b'), { recursive: true });
    writeFileSync(join(folder, 'a/b/one'), 'one');
    writeFileSync(join(folder, 'two'), 'two');
    expect((await gatehouse(['sync', 'tree', there('tree')])).code).toBe(0);
    expect(readFileSync(join(home('device'), 'tree/a/b/one'), 'utf8')).toBe('one');
    execFileSync('rm', [join(folder, 'two')]);
    expect((await gatehouse(['sync', '--delete', 'tree', there('tree')])).code).toBe(0);
    expect((await gatehouse(['ls', there('tree'), '--names'])).out.trim()).toBe('a');
  });

  it('forwards TCP, UDP and unix sockets', async () => {
    const servers = lab.spawn('device', process.execPath, [
      '-e',
      `const net = require('net'), dgram = require('dgram');
       net.createServer({ allowHalfOpen: true }, (s) => s.pipe(s)).listen(7001, '127.0.0.1');
       net.createServer((s) => s.pipe(s)).listen('${home('device')}/echo.sock');
       const u = dgram.createSocket('udp4'); u.on('message', (m, r) => u.send('udp ' + m, r.port, r.address)); u.bind(7002, '127.0.0.1', () => console.log('up'));`,
    ]);
    await once(servers.stdout as NodeJS.ReadableStream, 'data');
    const forward = start('client', [
      'bench-1',
      'forward',
      '17001:7001',
      '17002:7002/udp',
      `${home('client')}/local.sock:${home('device')}/echo.sock`,
    ]);
    let told = '';
    for (const stream of [forward.stdout, forward.stderr]) stream?.on('data', (chunk) => (told += chunk));
    const asked = (text: string) =>
      onClient(
        process.execPath,
        '-e',
        `const c = require('net').connect(${text}); c.on('error', (e) => { console.log(e.code); process.exit(1); }); c.end('hello'); c.pipe(process.stdout); setTimeout(() => process.exit(2), 3000).unref();`,
      );
    try {
      await waitFor(async () => (await asked(`17001, '127.0.0.1'`)).out === 'hello', {
        message: () => told,
      });
      expect((await asked(`'${home('client')}/local.sock'`)).out).toBe('hello');
      const datagram = await onClient(
        process.execPath,
        '-e',
        `const s = require('dgram').createSocket('udp4'); s.on('message', (m) => { console.log(String(m)); process.exit(); }); s.send('hello', 17002, '127.0.0.1'); setTimeout(() => { console.log('silence'); process.exit(); }, 5000);`,
      );
      expect(datagram.out.trim()).toBe('udp hello');
    } finally {
      forward.kill('SIGINT');
      servers.kill('SIGKILL');
    }
  });

  it('shows logs and metrics', async () => {
    expect(await gatehouse(['bench-1', 'logs', '--tail', '5'])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/./),
    });
    const metrics = await gatehouse(['bench-1', 'metrics', '--count', '1', '--json']);
    expect(metrics.code).toBe(0);
    expect(JSON.parse(metrics.out)).toMatchObject({ memory: { totalBytes: expect.any(Number) } });
  });

  it('works with the real ssh, scp and rsync', async () => {
    expect((await gatehouse(['ssh', 'enable'])).code).toBe(0);
    const ssh = await onClient(
      'ssh',
      '-F',
      join(home('client'), '.ssh/config'),
      'bench-1.gatehouse',
      'echo over ssh; exit 4',
    );
    expect(ssh).toMatchObject({ code: 4, out: 'over ssh\n' });
    writeFileSync(join(home('client'), 'letter'), 'by scp');
    const config = join(home('client'), '.ssh/config');
    expect((await onClient('scp', '-F', config, 'letter', `bench-1.gatehouse:${home('device')}/by-scp`)).code).toBe(0);
    expect(readFileSync(join(home('device'), 'by-scp'), 'utf8')).toBe('by scp');
    const rsync = await onClient(
      'rsync',
      '-e',
      `ssh -F ${config}`,
      'letter',
      `bench-1.gatehouse:${home('device')}/by-rsync`,
    );
    // Not everybody has rsync on both sides.
    if (!/command not found|No such file/.test(rsync.error))
      expect(readFileSync(join(home('device'), 'by-rsync'), 'utf8')).toBe('by scp');
  });

  it('works where UDP does not get through, and says over what', async () => {
    const relayPort = Number(new URL(stack.url).port) - 1;
    runtime.kill('SIGTERM');
    await once(runtime, 'close');
    lab.blockUdp(relayPort, true);
    await startRuntime();
    const seconds = await secondsOf(() => waitFor(async () => (await exec('true')).code === 0));
    console.log(`UDP dropped: a session after ${seconds.toFixed(1)} s, with the start of the runtime`);
    expect((await exec('echo', 'over tls')).out).toBe('over tls\n');
    // TCP does not outlive its address: the tunnel is made anew, and need not be silent first.
    said = '';
    lab.changeDeviceAddress();
    await waitFor(() => /EADDRNOTAVAIL[\s\S]*online: /.test(said), { timeoutMs: 60_000, message: () => said });
    expect((await exec('echo', 'from elsewhere')).out).toBe('from elsewhere\n');
    lab.blockUdp(relayPort, false);
  });

  it('works over a bad line', async () => {
    const relayPort = Number(new URL(stack.url).port) - 1;
    await lab.delayUdp(relayPort, 50, 5);
    runtime.kill('SIGTERM');
    await once(runtime, 'close');
    await startRuntime();
    await waitFor(async () => (await exec('true')).code === 0, { timeoutMs: 60_000 });
    const file = join(home('client'), 'small.bin');
    writeFileSync(file, randomBytes(2 * 1_048_576));
    const seconds = await secondsOf(() => gatehouse(['cp', file, there('small.bin')]));
    expect(hashOf(join(home('device'), 'small.bin'))).toBe(hashOf(file));
    console.log(`5 % loss, 100 ms there and back: ${(2 / seconds).toFixed(2)} MiB/s`);
    await lab.delayUdp(relayPort, 0);
  }, 240_000);

  it('leaves evidence: who, what, decided how, how long, and why it ended', async () => {
    const { out } = await gatehouse(['sessions', 'list', '--device', 'bench-1', '--json']);
    expect(out).toMatch(/exec/);
    const audit = await gatehouse(['bench-1', 'audit', '--max', '2000', '--json']);
    expect(audit.out).toMatch(/device\.session\.started/);
    expect(audit.out).toMatch(/device\.session\.ended/);
  });

  it('is removed: its tunnel is cut, a program that runs ends, and it does not come back', async () => {
    const running = start('client', ['bench-1', 'exec', '--', 'sleep', '600']);
    await waitFor(async () => /sleep 600/.test(execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })));
    const over = ended(running);
    expect((await gatehouse(['devices', 'remove', 'bench-1', '--yes'])).code).toBe(0);
    expect((await over).code).not.toBe(0);
    await waitFor(
      () => !execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).split('\n').includes('sleep 600'),
      {},
    );
    expect((await exec('true')).code).not.toBe(0);
  });
});
