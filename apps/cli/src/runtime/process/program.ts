import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { defaultPatience, endFamily, type Patience, type ProcessFamily } from './end-processes.js';
import type { PipeMaker } from './pipes.js';
import { readProcess } from './process-table.js';
import { startInTerminal } from './pseudo-terminal.js';

/** Exactly one of them is null. `signal` without `SIG`. */
export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

export interface Terminal {
  readonly term: string;
  readonly rows: number;
  readonly columns: number;
}

export interface ProgramToRun {
  readonly file: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly mark: string;
  readonly terminal?: Terminal | undefined;
  /** False: it finds its standard input at the end. */
  readonly stdin: boolean;
}

/** A program in a session of its own, with all that it starts. */
export interface Program {
  readonly pid: number;
  readonly stdin: Writable | undefined;
  readonly stdout: Readable;
  /** None with a terminal: there it is the same. */
  readonly stderr: Readable | undefined;
  /** Of the first process; its output may go on a little. */
  readonly exited: Promise<Exit>;
  resize(rows: number, columns: number): void;
  signal(name: string): Promise<void>;
  /** Ends it, and all that it started. Answers how many could not be ended. */
  end(): Promise<number>;
  /** Lets go of terminal or pipes, whatever is in them. */
  release(): void;
}

/** @throws when there are no processes or descriptors left */
export async function startProgram(
  wanted: ProgramToRun,
  pipes: PipeMaker,
  patience: Patience = defaultPatience,
): Promise<Program> {
  if (wanted.terminal !== undefined) return startWithTerminal(wanted, wanted.terminal, patience);
  await pipes.reserve();
  return startWithPipes(wanted, pipes, patience);
}

function startWithPipes(wanted: ProgramToRun, pipes: PipeMaker, patience: Patience): Program {
  const { file, args, environment, cwd, mark } = wanted;
  const input = wanted.stdin ? pipes.input() : undefined;
  const [output, errors] = [pipes.output(), pipes.output()];
  const nothing = input === undefined ? openSync('/dev/null', 'r') : undefined;
  const theirs = [input?.theirs ?? nothing ?? 0, output.theirs, errors.theirs];
  const child = spawn(file, args, { cwd, env: environment, detached: true, stdio: theirs });
  for (const fd of theirs) closeSync(fd);
  const exited = new Promise<Exit>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal: signal?.slice(3) ?? null }));
  });
  const pid = child.pid ?? -1;
  const family: ProcessFamily = { leader: pid, mark };
  return {
    ...{ pid, stdin: input?.ours, stdout: output.ours, stderr: errors.ours, exited },
    resize: () => undefined,
    signal: async (name) => signalGroup(pid, name),
    end: () => (pid < 0 ? Promise.resolve(0) : endFamily(family, patience)),
    release: () => {
      for (const pipe of [input?.ours, output.ours, errors.ours]) pipe?.destroy();
    },
  };
}

function startWithTerminal(wanted: ProgramToRun, terminal: Terminal, patience: Patience): Program {
  const { file, args, environment, cwd, mark } = wanted;
  const { rows, columns } = terminal;
  let exit: (exit: Exit) => void = () => undefined;
  const exited = new Promise<Exit>((resolve) => {
    exit = resolve;
  });
  const onExit = (code: number, signal: number) =>
    exit(signal === 0 ? { code, signal: null } : { code: null, signal: signalName(signal) });
  const { pid, input, output, resize, release } = startInTerminal({
    ...{ file, args, environment, cwd, rows, columns, onExit },
  });
  return {
    ...{ pid, stdin: input, stdout: output, stderr: undefined, exited, resize, release },
    signal: async (name) => {
      // As the keyboard does it: to whatever is in the foreground, which may be a job of the shell.
      const foreground = (await readProcess(pid))?.foreground ?? -1;
      signalGroup(foreground > 1 ? foreground : pid, name);
    },
    end: () => endFamily({ leader: pid, mark }, patience),
  };
}

/** A terminal's program that is told of its end of input as by the keyboard. */
export const endOfInput = Buffer.from([4]);

function signalGroup(group: number, name: string): void {
  try {
    process.kill(-group, `SIG${name}`);
  } catch {
    // It has ended.
  }
}

function signalName(number: number): string {
  const found = Object.entries(constants.signals).find(([, value]) => value === number);
  return found?.[0].slice(3) ?? String(number);
}

/** Children that write on after their parent has ended get this long: what they write may be the answer. */
const outputPatienceMs = 2_000;

/**
 * How a program ended, when it has and its output has come to an end. What it left writing is ended after a moment; what it
 * left running silently is the caller's to end.
 */
export async function endOf(program: Program, outputs: Promise<unknown>, patienceMs = outputPatienceMs): Promise<Exit> {
  const exit = await program.exited;
  const stop = new AbortController();
  const waited = pause(patienceMs, 'late', { signal: stop.signal }).catch(() => undefined);
  // Where only a slow reader is waited for, nobody is there to be ended.
  if ((await Promise.race([outputs, waited])) === 'late') await program.end();
  stop.abort();
  await outputs;
  return exit;
}
