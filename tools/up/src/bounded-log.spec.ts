import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { BoundedLog } from './bounded-log.js';
import { boundLog } from './server-logs.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-log-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('appends, moves a full file aside, and keeps one old file', () => {
  const file = join(folder, 'policy.log');
  const write = (text: string) => {
    const log = new BoundedLog(file, 10);
    log.write(Buffer.from(text));
    log.close();
    log.write(Buffer.from('too late'));
  };
  for (const text of ['first-', 'abcd', 'second', 'third!']) write(text);
  expect(readFileSync(file, 'utf8')).toBe('third!');
  expect(readFileSync(`${file}.1`, 'utf8')).toBe('second');
});

it('bounds the log of a server that goes on appending', () => {
  const file = join(folder, 'postgres.log');
  const fd = openSync(file, 'a');
  writeSync(fd, 'first line\n');
  boundLog(file, 100);
  expect(readFileSync(file, 'utf8')).toBe('first line\n');
  boundLog(file, 5);
  writeSync(fd, 'second\n');
  closeSync(fd);
  expect(readFileSync(file, 'utf8')).toBe('second\n');
  expect(readFileSync(`${file}.1`, 'utf8')).toBe('first line\n');
});
