import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { usageFailure } from '../../failure.js';

/** What is done when a secret got another content. Rejects with a text that holds no value. */
export type OnChange = (name: string) => Promise<void>;

/** A command that takes longer is ended: the next change waits for it. */
const commandLimitMs = 60_000;

/**
 * `signal:HUP:PID` or `signal:HUP:/path/to/pid-file` sends a signal; everything else is a command for the shell, which finds
 * the name of the secret, and nothing of its content, in `GATEHOUSE_SECRET_NAME`.
 *
 * @throws Failure for a signal that there is not, or no process
 */
export function parseOnChange(text: string): OnChange {
  if (!text.startsWith('signal:')) return (name) => runCommand(text, name);
  const [, word = '', target = ''] = /^signal:([A-Z0-9]+):(.+)$/.exec(text) ?? [];
  const signal = `SIG${word.replace(/^SIG/, '')}`;
  if (!Object.hasOwn(constants.signals, signal) || !/^([1-9]\d*|\/.+)$/.test(target))
    throw usageFailure(
      `--on-change "${text}" is not signal:NAME:PID`,
      'Such as signal:HUP:4711, or signal:HUP:/run/app.pid',
    );
  return async () => {
    process.kill(readPid(target), signal as NodeJS.Signals);
  };
}

function readPid(target: string): number {
  const text = target.startsWith('/') ? readFileSync(target, 'utf8').trim() : target;
  // 0 and negative numbers are whole groups of processes, ours among them.
  if (!/^[1-9]\d{0,9}$/.test(text)) throw new Error(`${target} does not hold the id of a process`);
  return Number(text);
}

function runCommand(command: string, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', command], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, GATEHOUSE_SECRET_NAME: name },
      timeout: commandLimitMs,
      killSignal: 'SIGKILL',
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`the command ended with ${code ?? signal}`));
    });
  });
}
