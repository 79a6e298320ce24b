import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { frameTypes, type OpenMessage } from '@gatehouse/session';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testHost } from '../host.fixture.js';
import { readProcess } from '../process/process-table.js';
import { TestClient } from '../stream/client.fixture.js';
import { serveExec } from './exec.js';

let test: ReturnType<typeof testHost>;
beforeAll(() => {
  test = testHost();
});
afterAll(() => test.end());

type Exec = Extract<OpenMessage, { kind: 'exec' }>;
const exec = (command: Exec['command'], more: Partial<Exec> = {}) =>
  new TestClient(serveExec(test.host), { kind: 'exec', command, stdin: false, ...more });
const here = (name: string) => join(test.host.account.home, name);
const pidIn = async (name: string) =>
  Number(await waitFor(() => existsSync(here(name)) && readFileSync(here(name), 'utf8').trim()));
const isGone = (pid: number) => waitFor(async () => ((await readProcess(pid))?.isZombie ?? true) === true);

describe('what a program says', () => {
  it('output, errors and code are apart, and none of it is in the others', async () => {
    const client = exec(['sh', '-c', 'printf out; printf err >&2; exit 3']);
    expect(await client.end()).toEqual({ code: 3, signal: null });
    expect([client.text(), client.text(frameTypes.stderr)]).toEqual(['out', 'err']);
    expect(client.reports).toEqual([{ kind: 'exit', code: 3, signal: null }]);
    expect(client.one(frameTypes.accepted)).toEqual({ pid: expect.any(Number) });
  });

  it('an output that looks like an exit code is output', async () => {
    const client = exec(['printf', '{"exit_code":0}\n']);
    expect(await client.end()).toEqual({ code: 0, signal: null });
    expect(client.text()).toBe('{"exit_code":0}\n');
  });

  it('any bytes go both ways, and output after the end of input is not cut', async () => {
    const bytes = Buffer.from(Array.from({ length: 1_000_000 }, (_, i) => (i * 7919) % 256));
    const client = exec(['sh', '-c', 'cat; printf tail'], { stdin: true });
    for (let at = 0; at < bytes.length; at += 50_000) client.send(bytes.subarray(at, at + 50_000));
    client.eof();
    expect(await client.end()).toEqual({ code: 0, signal: null });
    expect(client.bytes().equals(Buffer.concat([bytes, Buffer.from('tail')]))).toBe(true);
  });

  it('a slow reader stops the program, and gets everything', async () => {
    const client = exec(['sh', '-c', 'head -c 8000000 /dev/zero; echo done >&2']);
    client.stream.pause();
    await client.until(() => client.frames.length === 0);
    const pid = await waitFor(() =>
      execFileSync('pgrep', ['-n', '-f', 'head -c 8000000'], { encoding: 'utf8' }).trim(),
    );
    expect((await readProcess(Number(pid)))?.isZombie).toBe(false);
    client.stream.resume();
    expect(await client.end()).toEqual({ code: 0, signal: null });
    expect(client.bytes().length).toBe(8_000_000);
  });

  it('standard streams can be opened by name, as with a terminal', async () => {
    const client = exec(['sh', '-c', 'cat /dev/stdin; echo two > /dev/stdout; echo three > /dev/stderr'], {
      stdin: true,
    });
    client.send('one\n');
    client.eof();
    expect(await client.end()).toEqual({ code: 0, signal: null });
    expect([client.text(), client.text(frameTypes.stderr)]).toEqual(['one\ntwo\n', 'three\n']);
    const late = exec(['sh', '-c', 'sleep 0.1; cat /dev/stdin'], { stdin: true });
    late.eof();
    expect(await late.end()).toEqual({ code: 0, signal: null });
  });

  it('without standard input it is at the end at once', async () => {
    const client = exec(['cat']);
    expect(await client.end()).toEqual({ code: 0, signal: null });
  });

  it('input that nobody reads is no error', async () => {
    const client = exec(['true'], { stdin: true });
    for (let i = 0; i < 40; i++) client.send(Buffer.alloc(60_000));
    client.eof();
    expect(await client.end()).toEqual({ code: 0, signal: null });
  });
});

describe('what is run', () => {
  it('a list is run as it is: no shell reads it', async () => {
    const client = exec(['printf', '%s|', '$HOME', '; id', '*', '']);
    await client.end();
    expect(client.text()).toBe('$HOME|; id|*||');
  });

  it('one text is read by the login shell', async () => {
    const client = exec('false || echo "$0 $((1 + 1))"');
    await client.end();
    expect(client.text()).toBe('/bin/bash 2\n');
  });

  it.each([
    ['not found', ['no-such-program'], 127],
    ['not to be executed', ['/etc/passwd'], 126],
    ['a folder', ['/etc'], 126],
    ['not found by the shell', 'no-such-program', 127],
  ])('%s ends as shells do', async (_name, command, code) => {
    const client = exec(command);
    expect(await client.end()).toEqual({ code, signal: null });
    expect(client.text(frameTypes.stderr)).not.toBe('');
  });

  it('a signal is told as one', async () => {
    const client = exec(['sh', '-c', 'kill -KILL $$']);
    expect(await client.end()).toEqual({ code: null, signal: 'KILL' });
  });

  it('nothing of the environment of the runtime is in that of the program', async () => {
    const client = exec(['env'], { environment: { LANG: 'de_DE.UTF-8' } });
    await client.end();
    const names = client
      .text()
      .split('\n')
      .map((line) => line.split('=')[0]);
    expect(names.filter((name) => name !== '').sort()).toEqual(
      ['GATEHOUSE_SESSION', 'HOME', 'LANG', 'LOGNAME', 'PATH', 'SHELL', 'USER'].sort(),
    );
    expect(client.text()).toContain('LANG=de_DE.UTF-8');
    expect(client.text()).not.toContain('m87_key');
  });

  it('it starts at home', async () => {
    const client = exec(['pwd']);
    await client.end();
    expect(client.text().trim()).toBe(test.host.account.home);
  });
});

describe('signals', () => {
  it('reach the whole group', async () => {
    const client = exec(['sh', '-c', 'sleep 1000 & echo $! > inner; echo ready; wait']);
    const inner = await pidIn('inner');
    client.json(frameTypes.signal, { signal: 'TERM' });
    expect(await client.end()).toEqual({ code: null, signal: 'TERM' });
    await isGone(inner);
  });

  it('one that there is not ends the session', async () => {
    const client = exec(['sleep', '1000']);
    client.json(frameTypes.signal, { signal: 'STOP' });
    expect(await client.end()).toMatchObject({ code: 'protocol' });
  });
});

describe('nothing is left over', () => {
  const stubborn = "trap '' HUP TERM; echo $$ > NAME; while :; do sleep 1; done";

  it('of a session that was revoked: not even what ignores signals', async () => {
    const client = exec(['bash', '-c', stubborn.replace('NAME', 'stubborn')]);
    const pid = await pidIn('stubborn');
    client.revoke();
    await isGone(pid);
  });

  it('of one whose client is gone', async () => {
    const client = exec(['sh', '-c', 'echo $$ > reset; sleep 1000']);
    const pid = await pidIn('reset');
    client.stream.reset({ code: 'cancelled' });
    await isGone(pid);
  });

  it('not even a daemon that left its session and its parent', async () => {
    const daemon = `setsid sh -c 'setsid sh -c "echo \\$\\$ > daemon; exec sleep 1000" >/dev/null 2>&1 &' &`;
    const client = exec(['sh', '-c', `${daemon} sleep 1000`]);
    const pid = await pidIn('daemon');
    client.revoke();
    await isGone(pid);
  });

  it('of one that ended by itself: what it left behind is ended, and does not hold the answer up', async () => {
    const client = exec(['sh', '-c', 'sleep 1000 & echo $! > left; echo done']);
    const pid = await pidIn('left');
    expect(await client.end()).toEqual({ code: 0, signal: null });
    expect(client.text()).toBe('done\n');
    await isGone(pid);
  });

  it('a process of somebody else stays', async () => {
    const client = exec(['sh', '-c', 'echo $$ > other; sleep 1000']);
    const other = exec(['sh', '-c', 'echo $$ > mine; sleep 1000']);
    const [pid, mine] = [await pidIn('other'), await pidIn('mine')];
    client.revoke();
    await isGone(pid);
    expect((await readProcess(mine))?.isZombie).toBe(false);
    other.revoke();
    await isGone(mine);
  });
});

describe('with a terminal', () => {
  const terminal = { term: 'xterm-256color', rows: 30, columns: 90 };

  it('it has one, of the size that was asked for', async () => {
    const client = exec(['sh', '-c', 'stty size; echo $TERM; tty; : > /dev/tty'], { terminal, stdin: true });
    expect(await client.end()).toEqual({ code: 0, signal: null });
    expect(client.text()).toMatch(/^30 90\r\nxterm-256color\r\n\/dev\/pts\/\d+\r\n$/);
  });

  it('is told of the end of input', async () => {
    const client = exec(['cat'], { terminal, stdin: true });
    client.send('line\n');
    client.eof();
    expect(await client.end()).toEqual({ code: 0, signal: null });
  });

  it('gives its own code, though it lets go of the terminal before it ends', async () => {
    for (let round = 0; round < 30; round++) {
      const client = exec(['cat'], { terminal, stdin: true });
      client.eof();
      expect(await client.end()).toEqual({ code: 0, signal: null });
    }
  });

  it('all of its output comes, however slowly it is read', async () => {
    writeFileSync(here('big'), 'x'.repeat(99).concat('\n').repeat(20_000));
    const client = exec(['cat', 'big'], { terminal, stdin: true });
    client.stream.pause();
    await client.until(() => client.frames.length === 0);
    client.stream.resume();
    expect(await client.end()).toEqual({ code: 0, signal: null });
    expect(client.bytes().length).toBe(101 * 20_000);
  });
});
