import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const MOST_BYTES = 4096;

/** The end of a log file, at most 4 KiB, and nothing before byte `from`. Empty when there is no such file. */
export function tailOf(file: string, from = 0): string {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch {
    return '';
  }
  try {
    const { size } = fstatSync(fd);
    const start = Math.max(from, size - MOST_BYTES, 0);
    const buffer = Buffer.alloc(Math.max(0, size - start));
    return buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, start));
  } finally {
    closeSync(fd);
  }
}
