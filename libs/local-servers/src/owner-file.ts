import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { LocalServerError } from './local-server-error.js';
import { childPids, processIdentity } from './process-identity.js';
import type { SupervisedChild } from './supervise-child.js';

const REAP_TIMEOUT_MS = 20_000;
const POLL_MS = 25;

interface NamedProcess {
  pid: number;
  identity: string;
}

/** Which process serves a data folder, and which process started it. */
interface OwnerRecord {
  server: NamedProcess;
  startedBy: NamedProcess;
}

/** Written after every start, so that the next one can tell a leftover of a killed parent from a server in use. */
export function writeOwnerFile(path: string, child: SupervisedChild): void {
  const identity = processIdentity(process.pid) ?? '';
  const record: OwnerRecord = {
    server: { pid: child.pid, identity: child.identity },
    startedBy: { pid: process.pid, identity },
  };
  writeFileSync(path, `${JSON.stringify(record)}\n`, { mode: 0o600 });
}

export function removeOwnerFile(path: string): void {
  rmSync(path, { force: true });
}

/**
 * Ends a server that a killed parent left behind on the same data. Only a process this file names, by pid and start time, is
 * ever signalled. Throws `data-in-use` while the process that started it is alive.
 */
export async function reapLeftover(path: string, what: string): Promise<'none' | 'reaped'> {
  const record = readOwnerFile(path);
  if (record === undefined || !isAlive(record.server)) return 'none';
  if (isAlive(record.startedBy) && record.startedBy.pid !== process.pid) {
    throw new LocalServerError('data-in-use', `${what} is in use by process ${record.startedBy.pid}; stop that first`);
  }
  if (record.startedBy.pid === process.pid && isAlive(record.startedBy)) {
    throw new LocalServerError('data-in-use', `${what} is already in use by this process`);
  }
  await killTree(record.server.pid);
  removeOwnerFile(path);
  return 'reaped';
}

function readOwnerFile(path: string): OwnerRecord | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as OwnerRecord;
  } catch {
    return undefined;
  }
}

function isAlive(named: NamedProcess): boolean {
  return processIdentity(named.pid) === named.identity;
}

/** SIGKILL to a process and its direct children, then waits until all are gone (their locks and shared memory with them). */
export async function killTree(pid: number): Promise<void> {
  const doomed = [pid, ...childPids(pid)].map((each) => ({ pid: each, identity: processIdentity(each) }));
  for (const each of doomed) {
    if (each.identity === undefined) continue;
    try {
      process.kill(each.pid, 'SIGKILL');
    } catch {
      // Already gone.
    }
  }
  const deadline = Date.now() + REAP_TIMEOUT_MS;
  while (doomed.some((each) => each.identity !== undefined && processIdentity(each.pid) === each.identity)) {
    if (Date.now() > deadline) throw new LocalServerError('data-in-use', `process ${pid} cannot be ended`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
