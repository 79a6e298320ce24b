import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { exitCodes, Failure, usageFailure } from '../../failure.js';
import { unitFolder, unitName } from './unit.js';

/** sd_booted(3). */
const isBooted = (): boolean => existsSync('/run/systemd/system');

/** Whether systemd has the runtime of this machine. */
export const isInstalled = (): boolean => isBooted() && existsSync(join(unitFolder, unitName));

/** @throws Failure where systemd does not run this machine, or somebody else than root asks */
export function requireSystemd(): void {
  if (!isBooted())
    throw new Failure(
      exitCodes.unavailable,
      'this machine is not run by systemd',
      'gatehouse runtime start runs it in the background; another supervisor may call gatehouse runtime run',
    );
  if (process.geteuid?.() !== 0)
    throw usageFailure('units of systemd are installed by root', 'sudo gatehouse runtime ...');
}

/** @throws Failure for an account that this machine does not have */
export function requireAccount(name: string): void {
  const { status } = spawnSync('id', ['-u', '--', name], { stdio: 'ignore' });
  if (status !== 0)
    throw usageFailure(`there is no account "${name}" here`, '--user names the one that sessions act as');
}

/** @throws Failure */
export function systemctl(args: readonly string[]): undefined {
  const { status, error } = spawnSync('systemctl', [...args], { stdio: ['ignore', 'inherit', 'inherit'] });
  if (error) throw new Failure(exitCodes.unavailable, `systemctl cannot be run (${error.message})`);
  if (status !== 0) throw new Failure(exitCodes.unavailable, `systemctl ${args.join(' ')} ended with ${status}`);
  return undefined;
}
