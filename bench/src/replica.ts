import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { freePortBlock } from '@gatehouse/local-servers';
import type { Stack } from './stack.js';
import { pidsOf } from './usage.js';

export interface Replica {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

const textsOf = (file: string): string[] => readFileSync(file, 'utf8').split('\0').filter(Boolean);
const readyWithinMs = 60_000;

/**
 * One more process of a service of the stack, with a port of its own: what an operator does to use more than one core. It has
 * the environment of the one that runs, which only Linux tells; undefined elsewhere.
 */
export async function startReplica(stack: Stack, service: string): Promise<Replica | undefined> {
  if (process.platform !== 'linux') return undefined;
  const [running] = pidsOf(stack.process.pid ?? 0, new RegExp(`apps/${service}/.* serve`));
  if (running === undefined) throw new Error(`${service} does not run`);
  const port = await freePortBlock(1);
  const [program = '', ...args] = textsOf(`/proc/${running}/cmdline`);
  const env = Object.fromEntries(
    textsOf(`/proc/${running}/environ`).map((text) => [text.split('=')[0], text.slice(text.indexOf('=') + 1)]),
  );
  const child = spawn(program, args, {
    cwd: readlinkSync(`/proc/${running}/cwd`),
    env: { ...env, SERVICE_PORT: String(port) },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const url = `http://127.0.0.1:${port}`;
  const ended = once(child, 'exit');
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  const until = performance.now() + readyWithinMs;
  while (!(await isReady(url))) {
    if (child.exitCode !== null || child.signalCode !== null || performance.now() > until) {
      await stop();
      throw new Error(`the replica of ${service} was not ready`);
    }
    await pause(100);
  }
  return { url, pid: child.pid ?? 0, stop };
}

const isReady = (url: string): Promise<boolean> =>
  fetch(`${url}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  );
