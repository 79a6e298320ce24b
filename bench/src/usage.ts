import { readdirSync, readFileSync } from 'node:fs';

/** What processes use, from /proc; nothing is known elsewhere than on Linux. */
export interface Usage {
  readonly cpuSeconds: number;
  readonly rssMiB: number;
}

const ticksPerSecond = 100;
const pageKiB = 4;

interface Stat {
  readonly pid: number;
  readonly parent: number;
  readonly usage: Usage;
}

function statOf(pid: number): Stat | undefined {
  try {
    // The name stands in brackets and may hold anything.
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [parent = 0, user = 0, system = 0, pages = 0] = [fields[1], fields[11], fields[12], fields[21]];
    const usage = { cpuSeconds: (user + system) / ticksPerSecond, rssMiB: (pages * pageKiB) / 1_024 };
    return { pid, parent, usage };
  } catch {
    return undefined;
  }
}

const commandOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
};

function below(root: number): Stat[] {
  const all = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (statOf(Number(name)) ?? []) : []));
  const family = new Set([root]);
  for (let size = 0; size !== family.size; ) {
    size = family.size;
    for (const { pid, parent } of all) if (family.has(parent)) family.add(pid);
  }
  return all.filter(({ pid }) => family.has(pid));
}

/** Processes below one whose command line matches. */
export const pidsOf = (root: number, command: RegExp): number[] =>
  below(root).flatMap(({ pid }) => (command.test(commandOf(pid)) ? [pid] : []));

/** Of a process and all below it, or of those whose command line matches. Shared memory counts for each that has it. */
export function usageOf(root: number, command?: RegExp): Usage {
  const counted = below(root).filter(({ pid }) => !command || command.test(commandOf(pid)));
  return {
    cpuSeconds: counted.reduce((sum, { usage }) => sum + usage.cpuSeconds, 0),
    rssMiB: counted.reduce((sum, { usage }) => sum + usage.rssMiB, 0),
  };
}
