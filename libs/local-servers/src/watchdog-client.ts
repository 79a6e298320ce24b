import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

/** What the watchdog needs to end a child whose parent is gone. */
export interface WatchedProcess {
  pid: number;
  identity: string;
  stopSignal: NodeJS.Signals;
  graceMs: number;
}

export type WatchdogLine = { watch: WatchedProcess } | { forget: number };

const MAX_RESTARTS = 5;
const watched = new Map<number, WatchedProcess>();
let watchdog: ChildProcess | undefined;
let restarts = 0;

/** Hands a running child to this process's watchdog, which is started with the first child. */
export function watchProcess(child: WatchedProcess): void {
  watched.set(child.pid, child);
  if (watchdog === undefined) startWatchdog();
  else tell({ watch: child });
}

/** Takes an ended child off the list. With the last one gone the pipe is closed and the watchdog ends by itself. */
export function forgetProcess(pid: number): void {
  if (!watched.delete(pid)) return;
  tell({ forget: pid });
  if (watched.size === 0) {
    watchdog?.stdin?.end();
    watchdog = undefined;
  }
}

function startWatchdog(): void {
  const script = fileURLToPath(new URL('./watchdog.js', import.meta.url));
  // Its own session: a Ctrl-C in the terminal, or a kill of the parent's whole group, must not reach it.
  const started = spawn(process.execPath, [script], { detached: true, stdio: ['pipe', 'ignore', 'ignore'], cwd: '/' });
  started.on('exit', () => replaceLostWatchdog(started));
  started.on('error', () => replaceLostWatchdog(started));
  started.stdin?.on('error', () => undefined);
  started.unref();
  (started.stdin as Socket | null)?.unref();
  watchdog = started;
  for (const child of watched.values()) tell({ watch: child });
}

function replaceLostWatchdog(lost: ChildProcess): void {
  if (watchdog !== lost) return;
  watchdog = undefined;
  restarts += 1;
  if (watched.size > 0 && restarts <= MAX_RESTARTS) startWatchdog();
}

function tell(line: WatchdogLine): void {
  watchdog?.stdin?.write(`${JSON.stringify(line)}\n`);
}
