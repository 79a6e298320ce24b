import { execFileSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { fileFromTar } from './tar-file.js';

describe('fileFromTar', () => {
  const made = execFileSync('tar', ['-cf', '-', '-C', import.meta.dirname, 'tar-file.js', 'index.js']);

  it('reads what tar wrote', () => {
    expect(fileFromTar(made, 'index.js').toString()).toContain('./postgres.js');
    expect(fileFromTar(made, 'tar-file.js').toString()).toContain('fileFromTar');
  });

  it.each([
    ['a missing file', made, 'nothing.js', 'does not hold'],
    ['a cut archive', made.subarray(0, 700), 'tar-file.js', 'cut short'],
    ['a damaged size', Buffer.concat([Buffer.from('a'.padEnd(100)), Buffer.alloc(412, 'z')]), 'a', 'damaged header'],
  ])('refuses %s', (_case, tar, name, message) => {
    expect(() => fileFromTar(tar, name)).toThrow(message);
  });
});
