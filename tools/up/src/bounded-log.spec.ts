import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { BoundedLog } from './bounded-log.js';

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
