import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { checkVersion, dataFolder, deleteData, prepareFolders, writeVersion } from './data-folder.js';
import { lockHolder, takeLock } from './data-lock.js';
import { ensureKeys, ensureLogins } from './secrets.js';

let root: string;
beforeEach(() => {
  root = join(mkdtempSync(join(tmpdir(), 'gatehouse-data-')), 'data');
});
afterEach(() => rmSync(join(root, '..'), { recursive: true }));

describe('the data folder', () => {
  it('is new, then known, and has a version', () => {
    const folder = dataFolder(root);
    expect(checkVersion(folder)).toBe('new');
    prepareFolders(folder);
    expect(checkVersion(folder)).toBe('new');
    writeVersion(folder);
    expect(checkVersion(folder)).toBe('known');
    writeFileSync(folder.version, '{"dataVersion":7}');
    expect(() => checkVersion(folder)).toThrow(/data version 7, this Gatehouse knows 1/);
  });

  it("is never somebody else's folder", () => {
    mkdirSync(root);
    writeFileSync(join(root, 'thesis.tex'), 'x');
    expect(() => checkVersion(dataFolder(root))).toThrow(/not a Gatehouse data folder \(it holds thesis.tex\)/);
  });

  it('keeps secrets, certificates and logs to its owner', () => {
    const folder = dataFolder(root);
    prepareFolders(folder);
    for (const path of [folder.secrets, folder.tls, folder.logs]) expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  it('says when it cannot be written', () => {
    mkdirSync(root);
    const file = join(root, 'file');
    writeFileSync(file, '');
    expect(() => prepareFolders(dataFolder(join(file, 'data')))).toThrow(
      /cannot write to the data folder .*ENOTDIR.*--data/,
    );
  });

  it('loses all of ours and nothing else on reset', () => {
    const folder = dataFolder(root);
    prepareFolders(folder);
    writeVersion(folder);
    ensureKeys(folder, 'new');
    writeFileSync(join(root, 'notes.txt'), 'mine');
    deleteData(folder);
    expect(readdirSync(root)).toEqual(['notes.txt']);
  });
});

describe('keys and logins', () => {
  it('are made once, each readable by its owner only', () => {
    const folder = dataFolder(root);
    prepareFolders(folder);
    ensureKeys(folder, 'new');
    const users = ensureLogins(folder);
    expect(Object.keys(users)).toEqual(['setup', 'identity', 'policy', 'vault', 'registry', 'relay', 'audit']);
    expect(new Set(Object.values(users)).size).toBe(7);
    for (const key of Object.values(users)) expect(key).toMatch(/^U[A-Z2-7]{55}$/);
    const files = readdirSync(folder.secrets, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    // Keys of the installation, two passwords a service, a seed for each user of NATS.
    expect(files).toHaveLength(3 + 2 * 6 + 7);
    for (const file of files) expect(statSync(join(file.parentPath, file.name)).mode & 0o777).toBe(0o600);
    expect(ensureLogins(folder)).toEqual(users);
  });

  it('stop the start when one is missing that existing data needs', () => {
    const folder = dataFolder(root);
    prepareFolders(folder);
    ensureKeys(folder, 'new');
    ensureKeys(folder, 'known');
    rmSync(folder.keys.pepper);
    expect(() => ensureKeys(folder, 'known')).toThrow(/pepper.key is missing.*backup/);
    expect(existsSync(folder.keys.pepper)).toBe(false);
  });

  it('are refused when others can read them', () => {
    const folder = dataFolder(root);
    prepareFolders(folder);
    ensureKeys(folder, 'new');
    chmodSync(folder.keys.rootKey, 0o644);
    expect(() => ensureKeys(folder, 'known')).toThrow(/mode 0644/);
  });
});

describe('the lock', () => {
  it('is held by one living process, and outlives none', () => {
    const folder = dataFolder(root);
    prepareFolders(folder);
    const release = takeLock(folder.lock);
    expect(lockHolder(folder.lock)).toBe(process.pid);
    expect(() => takeLock(folder.lock)).toThrow(`in use by process ${process.pid}`);
    release();
    expect(lockHolder(folder.lock)).toBeUndefined();
    // Our pid, but of an earlier process.
    writeFileSync(folder.lock, JSON.stringify({ pid: process.pid, identity: 'earlier' }));
    takeLock(folder.lock)();
    writeFileSync(folder.lock, 'half a rec');
    takeLock(folder.lock)();
  });
});
