import { setTimeout as pause } from 'node:timers/promises';
import { markStart } from './environment.js';
import { hasVariable, type ProcessEntry, readProcess, readProcesses } from './process-table.js';

/** What a program and everything that it started are known by. */
export interface ProcessFamily {
  /** Leader of its session and group. */
  readonly leader: number;
  /** `NAME=value` in the environment of each: finds what has left session and parent, as daemons do. */
  readonly mark: string;
}

/**
 * What lives of the family: its session and group, whatever carries its mark, and the descendants of all of them. A program
 * escapes only by all at once: another session, another parent, and an environment that it emptied.
 */
export async function findFamily({ leader, mark }: ProcessFamily): Promise<readonly ProcessEntry[]> {
  const all = (await readProcesses()).filter(({ pid }) => pid !== process.pid && pid !== 1);
  const marked = await Promise.all(
    all.map(async (one) => one.session === leader || one.group === leader || (await hasVariable(one.pid, mark))),
  );
  const family = new Map(all.filter((_, i) => marked[i]).map((one) => [one.pid, one]));
  for (let grown = -1; grown !== family.size; ) {
    grown = family.size;
    for (const one of all) if (family.has(one.parent)) family.set(one.pid, one);
  }
  return [...family.values()];
}

/** Ends what a runtime that was killed left running. Answers how many there were; what this process is part of stays. */
export async function endStrays(tag: string): Promise<number> {
  const start = markStart(tag);
  const all = await readProcesses();
  const own = new Set(ancestors(process.pid, all));
  const marked = await Promise.all(all.map(async ({ pid }) => !own.has(pid) && (await hasVariable(pid, start))));
  const strays = all.filter((_, i) => marked[i]);
  for (const one of strays) await send(one, 'SIGKILL');
  return strays.length;
}

function* ancestors(pid: number, all: readonly ProcessEntry[]): Generator<number> {
  for (let next: number | undefined = pid; next; next = all.find((one) => one.pid === next)?.parent) yield next;
}

/** How long each signal is given. */
export interface Patience {
  readonly hangupMs: number;
  readonly terminateMs: number;
  /** Against what forks faster than it is killed, and what waits for a disk. */
  readonly killMs: number;
}
export const defaultPatience: Patience = { hangupMs: 500, terminateMs: 1_500, killMs: 5_000 };
const lookEveryMs = 25;

/** Hangs up, terminates, kills. Answers how many are alive still: none, but for what the kernel itself cannot end. */
export async function endFamily(family: ProcessFamily, patience: Patience = defaultPatience): Promise<number> {
  const steps = [
    ['SIGHUP', patience.hangupMs],
    ['SIGTERM', patience.terminateMs],
  ] as const;
  for (const [name, limitMs] of steps) {
    const alive = await findFamily(family);
    if (alive.length === 0) return 0;
    // Stopped ones could not take it.
    for (const one of alive) if (await send(one, name)) await send(one, 'SIGCONT');
    if (await gone(family, limitMs)) return 0;
  }
  for (const until = Date.now() + patience.killMs; Date.now() < until; ) {
    const alive = await findFamily(family);
    if (alive.length === 0) return 0;
    for (const one of alive) await send(one, 'SIGKILL');
    await pause(lookEveryMs);
  }
  return (await findFamily(family)).length;
}

async function gone(family: ProcessFamily, limitMs: number): Promise<boolean> {
  for (const until = Date.now() + limitMs; Date.now() < until; ) {
    await pause(lookEveryMs);
    if ((await findFamily(family)).length === 0) return true;
  }
  return false;
}

/** To this very process, not to another one that has got its number since. */
async function send({ pid, startTime }: ProcessEntry, signal: NodeJS.Signals): Promise<boolean> {
  if ((await readProcess(pid))?.startTime !== startTime) return false;
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
