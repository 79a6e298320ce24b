import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { dataFolder, prepareFolders } from './data-folder.js';
import { MigrationStamp } from './migration-stamp.js';
import { ensureLogins } from './secrets.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'gatehouse-stamp-'));
  const folder = dataFolder(join(root, 'data'));
  prepareFolders(folder);
  ensureLogins(folder);
  mkdirSync(folder.postgres);
  writeFileSync(join(folder.postgres, 'PG_VERSION'), '18\n');
  for (const part of ['apps/policy', 'apps/audit', 'libs/event-store']) {
    mkdirSync(join(root, part, 'dist'), { recursive: true });
    writeFileSync(join(root, part, 'dist/main.js'), part);
  }
});
afterEach(() => rmSync(root, { recursive: true }));

const stamp = () => new MigrationStamp(dataFolder(join(root, 'data')), root, 'policy');
const rewrite = (path: string, text: string) => {
  rmSync(join(root, path));
  writeFileSync(join(root, path), text);
};

describe('MigrationStamp', () => {
  it('holds once written, until forgotten', () => {
    expect(stamp().holds()).toBe(false);
    stamp().write();
    expect(stamp().holds()).toBe(true);
    stamp().forget();
    expect(stamp().holds()).toBe(false);
  });

  it.each([
    ['its own program', 'apps/policy/dist/main.js', false],
    ['a library', 'libs/event-store/dist/main.js', false],
    ['a new library', 'libs/event-store/dist/new.js', false],
    ['its password', 'data/secrets/database/policy.system.password', false],
    ['the database folder', 'data/postgres/data/PG_VERSION', false],
    ['another service', 'apps/audit/dist/main.js', true],
    ['a test', 'apps/policy/dist/main.spec.js', true],
  ])('after a change of %s', (_what, path, holds) => {
    writeFileSync(join(root, path), 'old', { flag: 'a' });
    if (path.endsWith('new.js')) rmSync(join(root, path));
    stamp().write();
    if (path.endsWith('new.js')) writeFileSync(join(root, path), 'new');
    else rewrite(path, 'changed!');
    expect(stamp().holds()).toBe(holds);
  });
});
