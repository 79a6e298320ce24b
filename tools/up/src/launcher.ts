import { describeProcess, processIdentity } from '@gatehouse/local-servers';

const POLL_MS = 1_000;

/**
 * The npm that runs us, if one does: our parent, or the parent of the shell between (`sh -c node ...`). Only npm itself:
 * the shell a person typed into may be closed while a stack in the background goes on.
 */
export function npmPid(env: NodeJS.ProcessEnv, parentPid: number, describe = describeProcess): number | undefined {
  if (env.npm_lifecycle_event === undefined) return undefined;
  const parent = describe(parentPid);
  const isShellBetween = parent !== undefined && parent.command.length > 1 && parent.command[1] === '-c';
  return isShellBetween ? parent.parentPid : parentPid;
}

/** Calls back once when that process is gone: npm killed by SIGKILL passes nothing on. Keeps nothing alive by itself. */
export function whenGone(pid: number, callback: () => void): void {
  const identity = processIdentity(pid);
  const timer = setInterval(() => {
    if (processIdentity(pid) === identity) return;
    clearInterval(timer);
    callback();
  }, POLL_MS).unref();
}
