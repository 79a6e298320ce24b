import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { checks } from './checks.js';
import { findings } from './tree.fixture.js';
import { readTree } from './tree.js';

const root = path.join(import.meta.dirname, '../../..');

describe('readTree', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'tidy-'));
    execFileSync('git', ['init', '--quiet'], { cwd: folder });
    mkdirSync(path.join(folder, 'libs'));
    writeFileSync(path.join(folder, '.gitignore'), 'ignored\n');
    writeFileSync(path.join(folder, 'libs/new.ts'), 'new');
    writeFileSync(path.join(folder, 'ignored'), 'not seen');
    writeFileSync(path.join(folder, 'gone.ts'), 'gone');
    writeFileSync(path.join(folder, 'run'), '#!/bin/sh', { mode: 0o755 });
    execFileSync('git', ['add', 'run', 'gone.ts'], { cwd: folder });
    rmSync(path.join(folder, 'gone.ts'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('holds tracked and new files as they are on disk, and nothing that is ignored or deleted', () => {
    const seen = readTree(folder).map((file) => [file.path, file.bytes.toString(), file.executable]);
    expect(seen).toEqual([
      ['.gitignore', 'ignored\n', false],
      ['libs/new.ts', 'new', false],
      ['run', '#!/bin/sh', true],
    ]);
  });
});

describe('this repository', () => {
  const tree = readTree(root);

  it('is read', () => expect(tree.map((file) => file.path)).toContain('.ci/run'));
  it.each(Object.entries(checks))('%s', (_, check) => expect(findings(check, tree)).toEqual([]));
});
