import { homedir } from 'node:os';
import { run } from './run.js';
import type { World } from './world.js';

/** What a shell shows for a program that SIGPIPE ended. */
const readerGone = 141;

/** Runs one command in this process's terminal and gives its exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  // `gatehouse audit entries | head -1`: a reader that has seen enough is no error to tell of. But neither is it success:
  // a change may not have been made yet, or a proof not have been looked at.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // A command that has something to end on a device hears of it, too, and ends by itself.
    if (error.code === 'EPIPE' && process.stdout.listenerCount('error') > 1) return;
    if (error.code === 'EPIPE') process.exit(readerGone);
    throw error;
  });
  const world: World = {
    env: process.env,
    cwd: process.cwd(),
    home: homedir(),
    stdin: process.stdin,
    stdoutIsTerminal: process.stdout.isTTY === true,
    stdout: process.stdout,
    stderr: process.stderr,
    writeOut: (content) => void process.stdout.write(content),
    writeError: (text) => void process.stderr.write(text),
  };
  return run(argv, world);
}
