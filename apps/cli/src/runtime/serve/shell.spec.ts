import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { frameTypes } from '@gatehouse/session';
import { waitFor } from '@gatehouse/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testHost } from '../host.fixture.js';
import { readProcess } from '../process/process-table.js';
import { RecordingFolder } from '../recording/recording-folder.js';
import { TestClient } from '../stream/client.fixture.js';
import { serveShell } from './shell.js';

let test: ReturnType<typeof testHost>;
beforeAll(() => {
  test = testHost();
});
afterAll(() => test.end());

const open = { kind: 'shell', terminal: { term: 'xterm', rows: 24, columns: 80 } } as const;
const shell = (grant = {}, host = test.host) => new TestClient(serveShell(host), open, grant);
const here = (name: string) => join(test.host.account.home, name);
const pidIn = async (name: string) =>
  Number(await waitFor(() => existsSync(here(name)) && readFileSync(here(name), 'utf8').trim()));
const isGone = (pid: number) => waitFor(async () => ((await readProcess(pid))?.isZombie ?? true) === true);

describe('a shell', () => {
  it('is the login shell, answers, follows the window, ends with its code', async () => {
    const client = shell();
    client.send('shopt -q login_shell && echo "login-$((40 + 2))"\n');
    await client.until(() => client.text().includes('login-42'));
    client.json(frameTypes.resize, { rows: 40, columns: 132 });
    client.send('stty size\n');
    await client.until(() => client.text().includes('40 132'));
    client.send('exit 7\n');
    expect(await client.end()).toEqual({ code: 7, signal: null });
    expect(client.reports).toEqual([{ kind: 'exit', code: 7, signal: null }]);
  });

  it('takes every byte as a byte: 0xFF is not a command', async () => {
    const client = shell();
    client.send('stty raw -echo; echo go; head -c 3 | od -An -tx1; exit\n');
    await client.until(() => /go\r?\n/.test(client.text().replace(/.*echo go.*/, '')));
    client.send(Uint8Array.of(0xff, 0, 0x18));
    await client.until(() => client.text().includes('ff 00 18'));
    await client.end();
  });

  it('an interrupt ends what is in the foreground, not the shell', async () => {
    const client = shell();
    client.send('sh -c "echo \\$\\$ > front; exec sleep 1000"\n');
    const pid = await pidIn('front');
    await waitFor(async () => (await readProcess(pid))?.foreground === (await readProcess(pid))?.group);
    client.json(frameTypes.signal, { signal: 'INT' });
    await isGone(pid);
    client.send('echo still-$((1 + 1)); exit 0\n');
    expect(await client.end()).toEqual({ code: 0, signal: null });
    expect(client.text()).toContain('still-2');
  });

  it('is gone with its jobs when the session is over', async () => {
    const client = shell();
    client.send('nohup setsid sh -c "echo \\$\\$ > job; sleep 1000" & \n');
    client.send('echo $$ > shell\n');
    const pids = [await pidIn('job'), await pidIn('shell')];
    client.revoke();
    for (const pid of pids) await isGone(pid);
  });

  it('leaves no job behind when it ends by itself', async () => {
    const client = shell();
    client.send('nohup sleep 1000 > /dev/null 2>&1 & echo $! > behind\n');
    const pid = await pidIn('behind');
    client.send('exit\nexit\n');
    await client.end();
    await isGone(pid);
  });

  it('a client that sends what does not belong there is put out', async () => {
    const client = shell();
    client.json(frameTypes.resize, { rows: 0, columns: 70_000 });
    expect(await client.end()).toMatchObject({ code: 'protocol' });
  });
});

describe('a recording', () => {
  it('holds what was seen, for its owner alone; every chunk was told with its hash', async () => {
    const client = shell({ record: true });
    client.json(frameTypes.resize, { rows: 50, columns: 100 });
    client.send('echo recorded-$((1 + 1)); exit 5\n');
    expect(await client.end()).toEqual({ code: 5, signal: null });
    const path = join(test.host.recordings.path, `${client.grant.sid}.cast`);
    expect([path, test.host.recordings.path].map((one) => (statSync(one).mode & 0o777).toString(8))).toEqual([
      '600',
      '700',
    ]);
    const [header, ...events] = readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(header).toMatchObject({ version: 2, width: 80, height: 24 });
    expect(
      events
        .filter(([, code]) => code === 'o')
        .map(([, , text]) => text)
        .join(''),
    ).toBe(client.text());
    expect(events).toContainEqual([expect.any(Number), 'r', '100x50']);
    const chunks = client.reports.filter((one) => one.kind === 'recording_chunk');
    const bytes = readFileSync(path);
    let at = 0;
    for (const [index, chunk] of chunks.entries()) {
      const part = bytes.subarray(at, at + chunk.bytes);
      expect(chunk).toMatchObject({ index, sha256: createHash('sha256').update(part).digest('hex') });
      at += chunk.bytes;
    }
    expect(at).toBe(bytes.length);
    expect(client.reports.slice(-2)).toEqual([
      { kind: 'recording_closed', chunks: chunks.length, truncated: false },
      { kind: 'exit', code: 5, signal: null },
    ]);
  });

  it('a long one is told in chunks while it runs', async () => {
    const client = shell({ record: true });
    client.send('head -c 400000 /dev/zero | tr "\\0" x; sleep 1000\n');
    await client.until(() => client.reports.filter((one) => one.kind === 'recording_chunk').length >= 3);
    client.revoke();
    await client.until(() => client.reports.some((one) => one.kind === 'recording_closed'));
  });

  it('a session whose recording cannot be written does not go on, and says why', async () => {
    // A full disk that every Linux has.
    const recordings = new RecordingFolder(join(test.root.path, 'full'));
    const sid = '0d4d8d70-3f0a-4a3c-9d39-1a0f4b3f0001';
    await (await recordings.append(sid)).close();
    const { rmSync } = await import('node:fs');
    rmSync(join(recordings.path, `${sid}.cast`));
    symlinkSync('/dev/full', join(recordings.path, `${sid}.cast`));
    const client = shell({ record: true, sid }, { ...test.host, recordings });
    client.send('echo $$ > unrecorded; head -c 100000 /dev/zero | tr "\\0" x; sleep 1000\n');
    const pid = await pidIn('unrecorded');
    expect(await client.end()).toEqual({
      code: 'io',
      detail: expect.stringContaining('recording cannot be written (ENOSPC)'),
    });
    expect(client.reports).toContainEqual({ kind: 'recording_closed', chunks: 0, truncated: true });
    await isGone(pid);
  });
});
