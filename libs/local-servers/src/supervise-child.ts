import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { processIdentity } from './process-identity.js';
import { forgetProcess, watchProcess } from './watchdog-client.js';

const OUTPUT_GRACE_MS = 1_000;

export interface ChildSpec {
  /** Used in messages, e.g. `postgres`. */
  name: string;
  command: string;
  args: string[];
  cwd?: string;
  /** The whole environment of the child; by default the parent's. */
  env?: NodeJS.ProcessEnv;
  uid?: number;
  gid?: number;
  /** Append output to this file (survives the parent), or `pipe` it to the parent through `stdout`/`stderr`. */
  output: { file: string } | 'pipe' | 'ignore';
  /** Sent first on stop; default SIGTERM. */
  stopSignal?: NodeJS.Signals;
  /** How long the child may take after `stopSignal` before SIGKILL; default 10 s. */
  graceMs?: number;
}

export interface ChildExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface SupervisedChild {
  readonly name: string;
  readonly pid: number;
  /** See `processIdentity`; lets a later run recognise this very process. */
  readonly identity: string;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** Resolves when the child has ended, whoever ended it. Never rejects. */
  readonly exited: Promise<ChildExit>;
  /** Resolves after `exited`, when the last output has been read (at most a second later: a grandchild may hold the pipe). */
  readonly outputEnded: Promise<void>;
  running(): boolean;
  signal(signal: NodeJS.Signals): void;
  /** Orderly stop: stop signal, then SIGKILL after the grace time. Safe to call twice. */
  stop(): Promise<ChildExit>;
  kill9(): Promise<ChildExit>;
}

/**
 * Starts a child process that cannot outlive this one: on a SIGKILL of the parent a watchdog process, which notices by a
 * closed pipe, stops the child. The child runs in its own session, so a Ctrl-C in the terminal reaches only the parent,
 * which then stops its children in the order it wants.
 *
 * Rejects when the command cannot be started (not found, not executable for `uid`).
 *
 * @example
 * const child = await superviseChild({ name: 'nats', command: '/usr/sbin/nats-server', args: [], output: 'ignore' });
 * await child.stop(); // { code: 1, signal: null }
 */
export async function superviseChild(spec: ChildSpec): Promise<SupervisedChild> {
  const child = await spawnChild(spec);
  const pid = child.pid ?? 0;
  const stopSignal = spec.stopSignal ?? 'SIGTERM';
  const graceMs = spec.graceMs ?? 10_000;
  const exited = new Promise<ChildExit>((resolve) => {
    child.once('exit', (code, signal) => {
      forgetProcess(pid);
      resolve({ code, signal });
    });
  });
  const outputEnded = endOfOutput(child, exited);
  // A child that died at once has no identity any more; its name then matches no process, so nothing is ever killed for it.
  const identity = processIdentity(pid) ?? `ended:${pid}`;
  watchProcess({ pid, identity, stopSignal, graceMs });
  const running = () => child.exitCode === null && child.signalCode === null;
  const signal = (name: NodeJS.Signals) => void (running() && child.kill(name));
  const stop = async () => {
    signal('SIGCONT');
    signal(stopSignal);
    const force = setTimeout(() => signal('SIGKILL'), graceMs);
    return exited.finally(() => clearTimeout(force));
  };
  const kill9 = () => {
    signal('SIGKILL');
    return exited;
  };
  return {
    name: spec.name,
    pid,
    identity,
    stdout: child.stdout,
    stderr: child.stderr,
    exited,
    outputEnded,
    running,
    signal,
    stop,
    kill9,
  };
}

async function endOfOutput(child: ChildProcess, exited: Promise<ChildExit>): Promise<void> {
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  await exited;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, OUTPUT_GRACE_MS);
  });
  await Promise.race([closed, late]);
  clearTimeout(timer);
}

async function spawnChild(spec: ChildSpec): Promise<ChildProcess> {
  const log = typeof spec.output === 'object' ? openSync(spec.output.file, 'a', 0o600) : undefined;
  const sink = log ?? (spec.output === 'pipe' ? 'pipe' : 'ignore');
  const stdio: StdioOptions = ['ignore', sink, sink];
  try {
    const child = spawn(spec.command, spec.args, {
      detached: true,
      stdio,
      ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
      ...(spec.env === undefined ? {} : { env: spec.env }),
      ...(spec.uid === undefined ? {} : { uid: spec.uid }),
      ...(spec.gid === undefined ? {} : { gid: spec.gid }),
    });
    if (child.pid === undefined) {
      const [cause] = (await once(child, 'error')) as [Error];
      throw new Error(`${spec.name} could not be started: ${cause.message}`, { cause });
    }
    return child;
  } finally {
    if (log !== undefined) closeSync(log);
  }
}
