import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '@gatehouse/testing';
import { afterAll, describe, expect, it } from '@jest/globals';
import { parseOnChange } from './on-change.js';

const folder = tempDir('on-change');
afterAll(() => folder.remove());

describe('on a change', () => {
  it.each([
    'signal:',
    'signal:HUP',
    'signal:HUP:',
    'signal:HUP:0',
    'signal:HUP:-1',
    'signal:HUP:app',
    'signal:NOTHING:1',
    'signal:toString:1',
    'signal:HUP:1x',
  ])('%s is no signal to a process', (text) => {
    expect(() => parseOnChange(text)).toThrow('--on-change');
  });

  it.each(['HUP', 'SIGHUP'])('a process gets %s, by its id or by the file that holds it', async (name) => {
    for (const from of ['id', 'file']) {
      const child = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000); console.log("up")']);
      await once(child.stdout, 'data');
      const file = join(folder.path, 'app.pid');
      writeFileSync(file, `${child.pid}\n`);
      const gone = once(child, 'exit');
      await parseOnChange(`signal:${name}:${from === 'id' ? child.pid : file}`)('A');
      expect(await gone).toEqual([null, 'SIGHUP']);
    }
  });

  it.each(['0', '-1', '', 'nobody'])('a file with %j is no process', async (content) => {
    const file = join(folder.path, 'bad.pid');
    writeFileSync(file, content);
    await expect(parseOnChange(`signal:HUP:${file}`)('A')).rejects.toThrow('does not hold');
  });

  it('a command knows which secret, and its failure is told', async () => {
    const out = join(folder.path, 'out');
    await parseOnChange(`printf %s "$GATEHOUSE_SECRET_NAME" > '${out}'`)('DB_PASSWORD');
    expect(readFileSync(out, 'utf8')).toBe('DB_PASSWORD');
    await expect(parseOnChange('exit 3')('A')).rejects.toThrow('ended with 3');
    await expect(parseOnChange('kill -TERM $$')('A')).rejects.toThrow('SIGTERM');
  });
});
