import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { frameTypes } from '@gatehouse/session';
import { tempDir, waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import ssh2 from 'ssh2';
import { testHost } from '../host.fixture.js';
import { readProcess } from '../process/process-table.js';
import { TestClient } from '../stream/client.fixture.js';
import { serveSsh } from './serve-ssh.js';

const run = promisify(execFile);
const openAt = (fd: string): string => {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
};
const all = [...['device.shell', 'device.exec', 'device.files.read', 'device.files.write', 'device.forward']];

let test: ReturnType<typeof testHost>;
const outside = tempDir('ssh-client');
const bridges: Server[] = [];
const clients: TestClient[] = [];
beforeAll(() => {
  test = testHost();
});
afterAll(() => {
  for (const client of clients) client.revoke();
  for (const bridge of bridges) bridge.close();
  outside.remove();
  test.end();
});
const here = (name: string) => join(test.host.account.home, name);

/** A port on which the OpenSSH client finds the session: every connection is one. */
async function bridge(actions: readonly string[] = all, grant = {}): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const client = new TestClient(serveSsh(test.host), { kind: 'ssh' }, { actions: actions as never, ...grant });
    clients.push(client);
    const { stream } = client;
    stream.onFrame = (type, payload) => {
      if (type === frameTypes.data && !socket.write(Buffer.from(payload))) stream.pause();
    };
    stream.onEnd = () => socket.end();
    stream.onReset = () => socket.destroy();
    client.onRevoked = () => socket.destroy();
    socket.on('drain', () => stream.resume());
    stream.onDrain = () => socket.resume();
    socket.on('data', (chunk) => {
      if (!stream.send(frameTypes.data, chunk as Buffer)) socket.pause();
    });
    socket.on('end', () => stream.end());
    socket.on('error', () => undefined);
  });
  bridges.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as { port: number }).port;
}

const options = (port: number) => [
  ...['-F', 'none', '-o', 'BatchMode=yes', '-o', `UserKnownHostsFile=${join(outside.path, 'known')}`],
  ...[
    '-o',
    'StrictHostKeyChecking=accept-new',
    '-o',
    'HostKeyAlias=device',
    '-o',
    'LogLevel=ERROR',
    '-o',
    `Port=${port}`,
  ],
];
const ssh = async (port: number, args: readonly string[], input?: Buffer, env: NodeJS.ProcessEnv = {}) => {
  const child = spawn('ssh', [...options(port), ...args], { stdio: 'pipe', env: { ...process.env, ...env } });
  const [out, error]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => error.push(chunk));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input ?? '');
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, out: Buffer.concat(out), text: Buffer.concat(out).toString(), error: Buffer.concat(error).toString() };
};

describe('ssh', () => {
  it('runs a command: errors apart, the code is the code, any bytes both ways', async () => {
    const port = await bridge();
    const told = await ssh(port, ['localhost', 'printf out; printf err >&2; exit 7']);
    expect(told).toMatchObject({ code: 7, text: 'out', error: 'err' });
    const bytes = randomBytes(2_000_000);
    const echoed = await ssh(port, ['localhost', 'cat; printf tail'], bytes);
    expect(echoed.out.equals(Buffer.concat([bytes, Buffer.from('tail')]))).toBe(true);
    expect((await ssh(port, ['localhost', 'kill -TERM $$'])).code).toBe(255);
  });

  it('has a shell on a terminal', async () => {
    const port = await bridge();
    const told = await ssh(port, ['-tt', 'localhost'], Buffer.from('tty && echo on-$((1 + 1)); exit 4\n'));
    expect(told.text).toContain('on-2');
    expect(told.text).toMatch(/\/dev\/pts\//);
    expect(told.code).toBe(4);
  });

  it('shows the same host key every time, kept for its owner alone', async () => {
    const port = await bridge();
    await ssh(port, ['localhost', 'true']);
    await ssh(await bridge(), ['localhost', 'true']);
    expect(readFileSync(join(outside.path, 'known'), 'utf8').trim().split('\n').length).toBe(1);
    expect(statSync(join(test.host.folder, 'ssh-host-key')).mode & 0o777).toBe(0o600);
  });

  it('forwards a port, and half of a connection ends by itself', async () => {
    const target = createServer({ allowHalfOpen: true }, (socket) => {
      const parts: Buffer[] = [];
      socket.on('data', (chunk) => parts.push(chunk as Buffer));
      socket.on('end', () => socket.end(`got ${Buffer.concat(parts)}`));
    });
    bridges.push(target);
    await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
    const { port: to } = target.address() as { port: number };
    const told = await ssh(await bridge(), ['-W', `127.0.0.1:${to}`, 'localhost'], Buffer.from('this'));
    expect(told.text).toBe('got this');
  });

  it.each([
    ['begins', true],
    ['is there', false],
  ])('a connection that %s is gone with the session', async (_name, isAtOnce) => {
    let seen = 0;
    const sockets = new Set<Socket>();
    const target = createServer((socket) => {
      sockets.add(socket.on('close', () => sockets.delete(socket)).on('error', () => undefined));
      seen++;
      if (isAtOnce) clients.at(-1)?.revoke();
    });
    bridges.push(target);
    await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve));
    const { port: to } = target.address() as { port: number };
    const running = ssh(await bridge(), ['-W', `127.0.0.1:${to}`, 'localhost']);
    await waitFor(() => seen === 1);
    clients.at(-1)?.revoke();
    await waitFor(() => sockets.size === 0);
    expect((await running).code).not.toBe(0);
  });

  it('its programs are gone with the session', async () => {
    const port = await bridge();
    const running = ssh(port, ['localhost', 'echo $$ > running; sleep 1000']);
    const pid = Number(
      await waitFor(() => existsSync(here('running')) && readFileSync(here('running'), 'utf8').trim()),
    );
    clients.at(-1)?.revoke();
    await waitFor(async () => (await readProcess(pid)) === undefined);
    expect((await running).code).toBe(255);
  });

  it('is recorded when the grant says so', async () => {
    const port = await bridge(all, { record: true });
    await ssh(port, ['-tt', 'localhost', 'echo seen']);
    const client = clients.at(-1);
    const recording = join(test.host.recordings.path, `${client?.grant.sid}.cast`);
    expect(readFileSync(recording, 'utf8')).toContain('seen');
    expect(client?.reports.map(({ kind }) => kind)).toContain('recording_closed');
  });
});

describe('scp and sftp', () => {
  const hash = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

  it.each([
    ['by sftp', []],
    ['in its old way', ['-O']],
  ])('copy %s, there and back, with mode and time', async (_name, way) => {
    const port = await bridge();
    mkdirSync(join(outside.path, 'tree/inner'), { recursive: true });
    writeFileSync(join(outside.path, 'tree/big'), randomBytes(1_500_000), { mode: 0o640 });
    writeFileSync(join(outside.path, 'tree/inner/small'), 'small');
    const copy = (from: string, to: string) => run('scp', [...options(port), ...way, '-r', '-p', from, to]);
    const [name, back] = [`there${way.length}`, join(outside.path, `back${way.length}`)];
    await copy(join(outside.path, 'tree'), `localhost:${name}`);
    await copy(`localhost:${name}`, back);
    expect([hash(here(`${name}/big`)), hash(join(back, 'big'))]).toEqual(
      Array(2).fill(hash(join(outside.path, 'tree/big'))),
    );
    const [sent, got] = [statSync(join(outside.path, 'tree/big')), statSync(here(`${name}/big`))];
    expect([got.mode & 0o777, Math.floor(got.mtimeMs / 1_000)]).toEqual([0o640, Math.floor(sent.mtimeMs / 1_000)]);
    expect(readFileSync(join(back, 'inner/small'), 'utf8')).toBe('small');
  });

  const sftp = (port: number, lines: readonly string[]) => {
    writeFileSync(join(outside.path, 'batch'), lines.join('\n'));
    return run('sftp', [...options(port), '-b', join(outside.path, 'batch'), 'localhost']);
  };

  it('a link is a link: made as it was asked for, removed without what it leads to', async () => {
    writeFileSync(here('target'), 'kept', { mode: 0o600 });
    const port = await bridge();
    await sftp(port, ['ln -s target link', 'chmod 644 target', 'mkdir d', 'rename d e', 'ls -l e', 'rmdir e']);
    expect(lstatSync(here('link')).isSymbolicLink()).toBe(true);
    expect(readFileSync(here('link'), 'utf8')).toBe('kept');
    expect(statSync(here('target')).mode & 0o777).toBe(0o644);
    await sftp(port, ['rm link']);
    expect([existsSync(here('link')), readFileSync(here('target'), 'utf8')]).toEqual([false, 'kept']);
  });

  it('ends with its session: what waits for its turn is not done, and no file stays open', async () => {
    const port = await bridge();
    const client = new ssh2.Client();
    client.on('error', () => undefined);
    const ready = once(client, 'ready');
    client.connect({ host: '127.0.0.1', port, username: 'ann', authHandler: ['none'] });
    await ready;
    const files = await promisify(client.sftp.bind(client))();
    await new Promise<void>((resolve) => {
      for (let i = 0; i < 200; i++) files.open(`waits-${i}`, 'w', () => resolve());
      for (let i = 200; i < 1_000; i++) files.mkdir(`waits-${i}`, () => undefined);
    });
    clients.at(-1)?.revoke();
    const opened = () => readdirSync('/proc/self/fd').filter((fd) => openAt(fd).includes('/waits-'));
    await waitFor(() => opened().length === 0);
    expect(existsSync(here('waits-999'))).toBe(false);
  });

  it('what is no file is not opened', async () => {
    const { stderr } = (await sftp(await bridge(), ['get /dev/zero zero']).catch((error: unknown) => error)) as {
      stderr: string;
    };
    expect(stderr).toMatch(/not a regular file|Permission denied/);
  });
});

describe('what was not granted', () => {
  it.each([
    ['a shell', ['device.exec'], ['-tt', 'localhost']],
    ['a command', ['device.shell'], ['localhost', 'touch done']],
    ['a port', ['device.shell'], ['-W', '127.0.0.1:1', 'localhost']],
    ['files', ['device.shell', 'device.exec'], ['-s', 'localhost', 'sftp']],
  ])('%s is refused', async (_name, actions, args) => {
    const { code } = await ssh(await bridge(actions), args);
    expect(code).not.toBe(0);
    expect(existsSync(here('done'))).toBe(false);
  });

  it('who may run programs alone gets no files, no ports either way, no agent, no display, and is nobody else', async () => {
    const port = await bridge(['device.exec']);
    const listener = createServer((socket) => socket.end('reached')).listen(0, '127.0.0.1');
    bridges.push(listener);
    await waitFor(() => listener.address() !== null);
    const { port: to } = listener.address() as { port: number };
    writeFileSync(join(outside.path, 'mine'), 'mine');
    const copied = await run('scp', [...options(port), join(outside.path, 'mine'), 'localhost:yours']).catch(
      () => 'no',
    );
    expect([copied, existsSync(here('yours'))]).toEqual(['no', false]);
    expect((await ssh(port, ['-W', `127.0.0.1:${to}`, 'localhost'])).text).toBe('');
    for (const where of [`0:127.0.0.1:${to}`, `${join(test.host.account.home, 'socket')}:127.0.0.1:${to}`]) {
      const reverse = await ssh(port, ['-o', 'ExitOnForwardFailure=yes', '-R', where, 'localhost', 'echo ran']);
      expect([reverse.code, reverse.text]).toEqual([255, '']);
    }
    expect(existsSync(here('socket'))).toBe(false);
    const agent = { SSH_AUTH_SOCK: join(outside.path, 'agent'), DISPLAY: ':7' };
    const seen = await ssh(
      port,
      ['-A', '-X', '-l', 'somebody-else', 'localhost', 'echo "$(id -u) [$SSH_AUTH_SOCK] [$DISPLAY] $USER"'],
      undefined,
      agent,
    );
    expect(seen.text).toBe(`${process.geteuid?.()} [] [] ${test.host.account.name}\n`);
    const way = ['-o', 'ForwardAgent=yes', '-L', `${join(outside.path, 'l.sock')}:/nowhere`, 'localhost', 'echo fine'];
    expect((await ssh(port, way)).text).toBe('fine\n');
  });

  it('a file that is written runs as nobody but whoever runs it', async () => {
    writeFileSync(join(outside.path, 'suid'), 'x');
    const port = await bridge(['device.files.write']);
    writeFileSync(join(outside.path, 'modes'), `put ${join(outside.path, 'suid')} suid\nchmod 6755 suid\n`);
    await run('sftp', [...options(port), '-b', join(outside.path, 'modes'), 'localhost']);
    expect(statSync(here('suid')).mode & 0o7777).toBe(0o755);
  });

  it('who may read changes nothing, who may write reads nothing', async () => {
    writeFileSync(here('own'), 'own');
    writeFileSync(join(outside.path, 'new'), 'new');
    const scp = (port: number, from: string, to: string) =>
      run('scp', [...options(port), from, to], { cwd: outside.path }).then(
        () => true,
        () => false,
      );
    const reader = await bridge(['device.files.read']);
    expect(await scp(reader, 'localhost:own', 'copy')).toBe(true);
    expect(await scp(reader, 'new', 'localhost:own')).toBe(false);
    expect(readFileSync(here('own'), 'utf8')).toBe('own');
    const writer = await bridge(['device.files.write']);
    expect(await scp(writer, 'new', 'localhost:added')).toBe(true);
    expect(await scp(writer, 'localhost:own', 'stolen')).toBe(false);
    expect([existsSync(here('added')), readFileSync(join(outside.path, 'copy'), 'utf8')]).toEqual([true, 'own']);
  });
});
