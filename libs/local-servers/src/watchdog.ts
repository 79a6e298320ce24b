/**
 * A process of its own that outlives a killed parent for as long as it takes to end the parent's children.
 * It reads one JSON line per child from stdin. The kernel closes that pipe however the parent ends, SIGKILL included.
 */
import { createInterface } from 'node:readline';
import { processIdentity } from './process-identity.js';
import type { WatchdogLine, WatchedProcess } from './watchdog-client.js';

const POLL_MS = 50;
const watched = new Map<number, WatchedProcess>();

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

const lines = createInterface({ input: process.stdin });
lines.on('line', (text) => {
  const line = JSON.parse(text) as WatchdogLine;
  if ('watch' in line) watched.set(line.watch.pid, line.watch);
  else watched.delete(line.forget);
});
lines.on('close', () => {
  // Last started, first stopped: services before the servers they write to.
  for (const child of [...watched.values()].reverse()) endProcess(child);
});

function endProcess(child: WatchedProcess): void {
  const deadline = Date.now() + child.graceMs;
  sendSignal(child, 'SIGCONT');
  sendSignal(child, child.stopSignal);
  const poll = setInterval(() => {
    if (processIdentity(child.pid) !== child.identity) clearInterval(poll);
    else if (Date.now() >= deadline) sendSignal(child, 'SIGKILL');
  }, POLL_MS);
}

/** Checks the identity first: the pid may meanwhile belong to somebody else. */
function sendSignal(child: WatchedProcess, signal: NodeJS.Signals): void {
  if (processIdentity(child.pid) !== child.identity) return;
  try {
    process.kill(child.pid, signal);
  } catch {
    // It ended between the check and the signal.
  }
}
