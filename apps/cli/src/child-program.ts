import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { type ChildExitCode, exitCodes, Failure } from './failure.js';

/** What a supervisor sends; SIGKILL and SIGSTOP can't be passed on. */
const passedOn = ['SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGCONT', 'SIGWINCH', 'SIGINT'] as const;

/** Runs in our terminal, gets our signals, and its end is ours. */
export function runProgram(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<ChildExitCode> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit', env });
    const handlers = passedOn.map((signal) => {
      const pass = () => {
        // A terminal sends an interrupt to the child as well: twice would be once too often.
        if (signal !== 'SIGINT' || process.stdin.isTTY !== true) child.kill(signal);
      };
      process.on(signal, pass);
      return () => process.off(signal, pass);
    });
    const done = () => {
      for (const off of handlers) off();
    };
    child.once('error', (error: NodeJS.ErrnoException) => {
      done();
      reject(new Failure(exitCodes.usage, `${program} cannot be run (${error.code})`));
    });
    child.once('exit', (code, signal) => {
      done();
      // As shells have it.
      resolve((code ?? 128 + constants.signals[signal ?? 'SIGTERM']) as ChildExitCode);
    });
  });
}
