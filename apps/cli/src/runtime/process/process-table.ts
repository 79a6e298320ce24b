import { readdir, readFile } from 'node:fs/promises';

/** One process as proc(5) shows it. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Process group in the foreground of its terminal; -1 without one. */
  readonly foreground: number;
  /** Ticks since the machine started: with the pid it names a process for ever. */
  readonly startTime: string;
  /** It has ended, and its parent has not asked yet. */
  readonly isZombie: boolean;
}

/** @param text content of `/proc/<pid>/stat`; the name in it may hold blanks and parentheses */
export function parseStat(text: string): ProcessEntry | undefined {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, parent, group, session, , foreground] = fields;
  const startTime = fields[19];
  if (state === undefined || startTime === undefined) return undefined;
  return {
    pid: Number.parseInt(text, 10),
    ...{ parent: Number(parent), group: Number(group), session: Number(session), foreground: Number(foreground) },
    ...{ startTime, isZombie: state === 'Z' || state === 'X' },
  };
}

/** Undefined when it is gone. */
export const readProcess = async (pid: number): Promise<ProcessEntry | undefined> => {
  try {
    return parseStat(await readFile(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return undefined;
  }
};

export async function readProcesses(): Promise<readonly ProcessEntry[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(pids.map((pid) => readProcess(Number(pid))));
  return found.filter((one): one is ProcessEntry => one !== undefined && !one.isZombie);
}

/**
 * Whether a process was started with a variable; of others' processes nobody tells us.
 *
 * @param start `NAME=value`, or the beginning of it
 */
export async function hasVariable(pid: number, start: string): Promise<boolean> {
  try {
    const environment = await readFile(`/proc/${pid}/environ`, 'latin1');
    return `\0${environment}`.includes(`\0${start}`);
  } catch {
    return false;
  }
}
