import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';

const program = new URL('../../bin/gatehouse.mjs', import.meta.url).pathname;

describe('a reader that goes away', () => {
  it('ends the command without a word, and without the exit code of what was done', async () => {
    const child = spawn(process.execPath, [program, 'policy', 'schema'], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    let told = '';
    child.stderr.on('data', (chunk) => {
      told += String(chunk);
    });
    expect(await once(child, 'close')).toEqual([141, null]);
    expect(told).toBe('');
  });
});
