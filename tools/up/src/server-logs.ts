import { copyFileSync, statSync, truncateSync } from 'node:fs';

const MOST_BYTES = 20 * 1024 * 1024;
const CHECK_MS = 60_000;

/** PostgreSQL and NATS append to their logs themselves, so that they can when we are gone; we only keep the files bounded. */
export function boundServerLogs(files: readonly string[]): void {
  setInterval(() => {
    for (const file of files) boundLog(file);
  }, CHECK_MS).unref();
}

/** Moves what is in a too large log to `<file>.1` and empties it; a line written in between is lost. */
export function boundLog(file: string, mostBytes = MOST_BYTES): void {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size <= mostBytes) return;
  copyFileSync(file, `${file}.1`);
  truncateSync(file);
}
