import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import { childPids, processIdentity } from './process-identity.js';
import { superviseChild } from './supervise-child.js';

const index = fileURLToPath(new URL('./index.js', import.meta.url));
const stubborn = 'process.on("SIGTERM", () => {}); process.on("SIGINT", () => {}); setInterval(() => {}, 1e6)';
const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

async function until(condition: () => boolean, what: string): Promise<void> {
  for (const deadline = Date.now() + 15_000; !condition(); ) {
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`);
    await new Promise((wake) => setTimeout(wake, 20));
  }
}

/** A process with two supervised children, one of which ignores SIGTERM; it prints their pids. */
async function startParent(): Promise<{ parent: ChildProcess; pids: number[] }> {
  const script = `
    import { superviseChild } from ${JSON.stringify(index)};
    const start = (code) => superviseChild({ name: 'child', command: process.execPath, args: ['-e', code], output: 'ignore', graceMs: 500 });
    const children = [await start('setInterval(() => {}, 1e6)'), await start(${JSON.stringify(stubborn)})];
    console.log(JSON.stringify(children.map((child) => child.pid)));`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  started.push(parent);
  let output = '';
  parent.stdout?.on('data', (data) => {
    output += data;
  });
  await until(() => output.endsWith('\n'), 'children of the parent');
  return { parent, pids: JSON.parse(output) as number[] };
}

const alive = (pids: number[]) => pids.map((pid) => processIdentity(pid) !== undefined);

describe('superviseChild', () => {
  it('stops a child in order, and by force when it does not listen', async () => {
    const child = await superviseChild({ name: 'sleep', command: 'sleep', args: ['1000'], output: 'ignore' });
    expect(child.running()).toBe(true);
    expect(await child.stop()).toEqual({ code: null, signal: 'SIGTERM' });
    expect(child.running()).toBe(false);
    const deaf = await superviseChild({
      name: 'deaf',
      command: 'sh',
      args: ['-c', 'trap "" TERM; echo ready; while :; do sleep 1; done'],
      output: 'pipe',
      graceMs: 200,
    });
    await new Promise((ready) => deaf.stdout?.once('data', ready));
    expect(await deaf.stop()).toEqual({ code: null, signal: 'SIGKILL' });
    expect(await deaf.stop()).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('says which program cannot be started', async () => {
    const attempt = superviseChild({ name: 'nats-server', command: '/nonexistent', args: [], output: 'ignore' });
    await expect(attempt).rejects.toThrow(/nats-server could not be started: .*ENOENT/);
  });
});

describe('a killed parent', () => {
  it('leaves no child, not even one that ignores SIGTERM', async () => {
    const { parent, pids } = await startParent();
    expect(alive(pids)).toEqual([true, true]);
    parent.kill('SIGKILL');
    await until(() => !alive(pids).includes(true), 'children ended');
  });

  it('leaves no child when its whole process group is killed', async () => {
    const { parent, pids } = await startParent();
    process.kill(-(parent.pid ?? Number.NaN), 'SIGKILL');
    await until(() => !alive(pids).includes(true), 'children ended');
  });

  it('leaves no child after its watchdog was killed before it', async () => {
    const { parent, pids } = await startParent();
    const watchdogs = () =>
      childPids(parent.pid ?? 0).filter((pid) =>
        spawnSync('ps', ['-o', 'args=', '-p', `${pid}`]).stdout.includes('watchdog'),
      );
    const [first] = watchdogs();
    process.kill(first ?? Number.NaN, 'SIGKILL');
    await until(() => watchdogs().some((pid) => pid !== first), 'a new watchdog');
    parent.kill('SIGKILL');
    await until(() => !alive(pids).includes(true), 'children ended');
  });

  it('leaves no watchdog either', async () => {
    const { parent, pids } = await startParent();
    const [watchdog] = childPids(parent.pid ?? 0).filter((pid) => !pids.includes(pid));
    parent.kill('SIGKILL');
    await until(() => processIdentity(watchdog ?? 0) === undefined, 'watchdog ended');
    expect(alive(pids)).toEqual([false, false]);
  });
});

describe('processIdentity', () => {
  it('tells a process from a later one, and knows none for an ended one', async () => {
    const child = await superviseChild({ name: 'sleep', command: 'sleep', args: ['1000'], output: 'ignore' });
    expect(processIdentity(child.pid)).toBe(child.identity);
    expect(child.identity).not.toBe(processIdentity(process.pid));
    await child.kill9();
    expect(processIdentity(child.pid)).toBeUndefined();
  });
});
