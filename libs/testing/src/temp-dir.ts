import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TempDir {
  path: string;
  remove(): void;
}

const PREFIX = 'gatehouse-test-';
/** Longer than the servers of a killed test take to end. */
const SWEEP_AGE_MS = 60_000;

/**
 * A new folder that other users may enter (a PostgreSQL started by root runs as one of them), but not list.
 * Folders left by test processes that were killed are removed on the way: a database is 40 MB.
 */
export function tempDir(label = 'dir'): TempDir {
  sweepLeftovers();
  const path = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-${label}-`));
  chmodSync(path, 0o711);
  return { path, remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }) };
}

let swept = false;

function sweepLeftovers(): void {
  if (swept) return;
  swept = true;
  for (const name of readdirSync(tmpdir())) {
    const pid = Number(/^gatehouse-test-(\d+)-/.exec(name)?.[1] ?? Number.NaN);
    if (Number.isNaN(pid) || isRunning(pid)) continue;
    const path = join(tmpdir(), name);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined || stat.uid !== process.getuid?.() || Date.now() - stat.mtimeMs < SWEEP_AGE_MS) continue;
    rmSync(path, { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
