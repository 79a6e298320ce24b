import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/**
 * Names one process for ever: a pid is reused, a pid with its start time (and the boot it belongs to) is not.
 * Returns undefined when no such process runs; a zombie counts as gone, since it holds no port and no file.
 *
 * @example const before = processIdentity(pid); // '5f3c…:812345'; later: processIdentity(pid) === before
 * @see proc_pid_stat(5): field 3 is the state, field 22 the start time in clock ticks since boot
 */
export function processIdentity(pid: number): string | undefined {
  return process.platform === 'linux' ? linuxIdentity(pid) : psIdentity(pid);
}

function linuxIdentity(pid: number): string | undefined {
  const fields = statFields(pid);
  if (fields === undefined || fields[0] === 'Z' || fields[0] === 'X') return undefined;
  return `${bootId()}:${fields[19]}`;
}

/** The fields after the command name, which is in parentheses and may itself hold spaces and parentheses. */
function statFields(pid: number): string[] | undefined {
  const stat = readOrNothing(`/proc/${pid}/stat`);
  return stat === undefined
    ? undefined
    : stat
        .slice(stat.lastIndexOf(')') + 2)
        .trim()
        .split(' ');
}

let cachedBootId: string | undefined;

function bootId(): string {
  cachedBootId ??= readOrNothing('/proc/sys/kernel/random/boot_id')?.trim().slice(0, 8) ?? 'boot';
  return cachedBootId;
}

function psIdentity(pid: number): string | undefined {
  try {
    const [state, ...started] = execFileSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], { encoding: 'utf8' })
      .trim()
      .split(/\s+/);
    return state === undefined || state === '' || state.startsWith('Z') ? undefined : started.join(' ');
  } catch {
    return undefined;
  }
}

/** The direct children of a process: PostgreSQL's backends leave its process group, so the group does not name them. */
export function childPids(pid: number): number[] {
  if (process.platform !== 'linux') return pgrepChildren(pid);
  return readdirSync('/proc')
    .map(Number)
    .filter((candidate) => Number.isInteger(candidate) && Number(statFields(candidate)?.[1]) === pid);
}

/** A living process's parent and the words of its command line; undefined where the system does not tell. */
export function describeProcess(pid: number): { parentPid: number; command: string[] } | undefined {
  if (process.platform !== 'linux') return psDescription(pid);
  const parentPid = Number(statFields(pid)?.[1]);
  const command = readOrNothing(`/proc/${pid}/cmdline`)?.split('\0').filter(Boolean);
  return Number.isNaN(parentPid) || command === undefined ? undefined : { parentPid, command };
}

function psDescription(pid: number): { parentPid: number; command: string[] } | undefined {
  try {
    const line = execFileSync('ps', ['-o', 'ppid=,args=', '-p', String(pid)], { encoding: 'utf8' });
    const [parent, ...command] = line.trim().split(/\s+/);
    return { parentPid: Number(parent), command };
  } catch {
    return undefined;
  }
}

function pgrepChildren(pid: number): number[] {
  try {
    return execFileSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map(Number);
  } catch {
    return [];
  }
}

function readOrNothing(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
