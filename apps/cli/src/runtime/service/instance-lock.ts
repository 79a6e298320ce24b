import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodes, Failure } from '../../failure.js';

const lockName = 'runtime.lock';

/**
 * One runtime per data folder: a lock of the kernel's, flock(2), which is gone with the process that holds it. flock(1) takes
 * it for the descriptor that we share with it, and ends.
 */
export class InstanceLock {
  private constructor(private readonly fd: number) {}

  /** Undefined when another process has it. */
  static take(folder: string): InstanceLock | undefined {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const fd = openSync(join(folder, lockName), 'a', 0o600);
    const { status, error } = spawnSync('flock', ['-n', '3'], { stdio: ['ignore', 'ignore', 'ignore', fd] });
    if (status === 0) return new InstanceLock(fd);
    closeSync(fd);
    if (error !== undefined) throw new Failure(exitCodes.unavailable, `flock cannot be run (${error.message})`);
    return undefined;
  }

  release(): void {
    closeSync(this.fd);
  }
}

export function isLocked(folder: string): boolean {
  // Made by somebody else, it would keep its account out.
  if (!existsSync(join(folder, lockName))) return false;
  const lock = InstanceLock.take(folder);
  lock?.release();
  return lock === undefined;
}
