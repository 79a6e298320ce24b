import { existsSync, readdirSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { LocalServerError } from '@gatehouse/local-servers';
import { checkVersion, type DataFolder, dataFolder, deleteData, prepareFolders } from './data-folder.js';
import { lockHolder, takeLock } from './data-lock.js';
import { parseFlags, type UpFlags } from './flags.js';
import { npmPid, whenGone } from './launcher.js';
import { jsonProgress, type Progress, plainProgress, terminalProgress } from './progress.js';
import { Stopped } from './running-parts.js';
import { Stack } from './stack.js';
import { UpError } from './up-error.js';

/** A terminal's Ctrl-C reaches us twice under npm: from the terminal, and passed on by npm. A person is slower. */
const SECOND_SIGNAL_MS = 700;

export interface Invocation {
  repository: string;
  /** When the command was entered, by performance.now(). */
  startedAtMs: number;
}

/** Runs `npm start`: returns when the stack has stopped. Sets the exit code; never throws. */
export async function main(argv: string[], invocation: Invocation): Promise<void> {
  process.stdout.on('error', () => undefined);
  try {
    const flags = await parseFlags(argv, (text) => process.stdout.write(`${text}\n`));
    if (flags !== undefined) await run(flags, invocation);
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`);
    process.exitCode = error instanceof UpError ? error.exitCode : 1;
  }
}

async function run(flags: UpFlags, { repository, startedAtMs }: Invocation): Promise<void> {
  const folder = dataFolder(flags.data);
  const progress = chooseProgress(flags);
  const ask = (question: string) => progress.whileAsking(() => confirm(question, flags));
  if (flags.reset) await reset(folder, ask);
  const age = checkVersion(folder);
  prepareFolders(folder);
  const release = takeLock(folder.lock);
  try {
    const stack = new Stack({ repository, folder, age, flags, progress, consent: ask });
    await runUntilStopped(stack, progress, startedAtMs);
  } finally {
    release();
  }
}

async function runUntilStopped(stack: Stack, progress: Progress, startedAtMs: number): Promise<void> {
  const stopped = stopOnSignal(stack, progress);
  try {
    const summary = await stack.start();
    progress.ready({ ...summary, seconds: (performance.now() - startedAtMs) / 1000 });
  } catch (error) {
    const wanted = stack.parts.stopping;
    await stack.parts.stop();
    if (!wanted && !(error instanceof Stopped)) throw error;
  }
  if (!stack.parts.stopping) await stopped;
  await stack.parts.stop();
  progress.note('Stopped.');
}

/** Resolves when everything was stopped because of a signal. */
function stopOnSignal(stack: Stack, progress: Progress): Promise<void> {
  return new Promise((stopped) => {
    let firstAt: number | undefined;
    const onSignal = (signal: string) => {
      if (firstAt === undefined) {
        firstAt = performance.now();
        progress.note(`${signal}: stopping (once more to force)`);
        void stack.parts.stop().then(stopped);
      } else if (performance.now() - firstAt > SECOND_SIGNAL_MS) {
        progress.note('killing everything');
        void stack.parts.kill().finally(() => process.exit(130));
      }
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
    const npm = npmPid(process.env, process.ppid);
    if (npm !== undefined) whenGone(npm, () => onSignal('npm was killed'));
  });
}

async function reset(folder: DataFolder, ask: (question: string) => Promise<boolean>): Promise<void> {
  const holder = lockHolder(folder.lock);
  if (holder !== undefined) {
    throw new UpError(`--reset: process ${holder} is running on ${folder.root}; stop it first`);
  }
  if (!existsSync(folder.root) || readdirSync(folder.root).length === 0) return;
  checkVersion(folder);
  if (!(await ask(`Delete everything Gatehouse keeps in ${folder.root}, keys and ledger included?`))) {
    throw new UpError('--reset: nothing was deleted (answer yes, or add --yes)');
  }
  deleteData(folder);
}

function chooseProgress(flags: UpFlags): Progress {
  if (flags.json) return jsonProgress(process.stdout);
  const canDraw = process.stdout.isTTY === true && process.env.TERM !== 'dumb' && process.env.CI === undefined;
  return canDraw ? terminalProgress(process.stdout) : plainProgress(process.stdout);
}

/** Without a terminal nobody can answer: no. */
async function confirm(question: string, flags: UpFlags): Promise<boolean> {
  if (flags.yes) return true;
  if (flags.json || process.stdin.isTTY !== true) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}

function explain(error: unknown): string {
  if (error instanceof UpError || error instanceof LocalServerError)
    return `\nGatehouse did not start: ${error.message}`;
  return `\nGatehouse did not start, unexpectedly:\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}
