import { superviseChild } from '@gatehouse/local-servers';
import { UpError } from './up-error.js';

const TIMEOUT_MS = 300_000;
const MOST_CHARS = 64 * 1024;

export interface ProgramRun {
  name: string;
  args: string[];
  env: NodeJS.ProcessEnv;
  cwd: string;
}

/** Runs one of our programs to its end and gives what it wrote to standard output. Throws UpError with what it said. */
export async function runProgram({ name, args, env, cwd }: ProgramRun): Promise<string> {
  const child = await superviseChild({ name, command: process.execPath, args, env, cwd, output: 'pipe' });
  const written = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.on('data', (chunk: Buffer) => {
      written[stream] = (written[stream] + chunk.toString('utf8')).slice(-MOST_CHARS);
    });
  }
  const timeout = setTimeout(() => void child.stop(), TIMEOUT_MS);
  const exit = await child.exited.finally(() => clearTimeout(timeout));
  await child.outputEnded;
  if (exit.code === 0) return written.stdout;
  const said = (written.stderr || written.stdout).trim();
  throw new UpError(`${name} failed (${exit.signal ?? `exit code ${exit.code}`}): ${said}`);
}
