import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { loadTool, repositoryRoot } from './tools.fixture.js';

interface LockTool {
  platformOf(name: string): { os?: string[]; cpu?: string[]; libc?: string[] };
  missingEntries(packages: object): [string, object][];
}

const { platformOf, missingEntries } = await loadTool<LockTool>('lock-stubs.mjs');

describe('platformOf', () => {
  it.each([
    ['@biomejs/cli-darwin-arm64', { os: ['darwin'], cpu: ['arm64'] }],
    ['@biomejs/cli-linux-x64-musl', { os: ['linux'], cpu: ['x64'], libc: ['musl'] }],
    ['@nx/nx-win32-x64-msvc', { os: ['win32'], cpu: ['x64'] }],
    ['@unrs/resolver-binding-linux-arm-musleabihf', { os: ['linux'], cpu: ['arm'], libc: ['musl'] }],
    ['@unrs/resolver-binding-linux-ppc64-gnu', { os: ['linux'], cpu: ['ppc64'], libc: ['glibc'] }],
    ['@unrs/resolver-binding-wasm32-wasi', { cpu: ['wasm32'] }],
    ['sharp-linuxmusl-x64', { os: ['linux'], cpu: ['x64'], libc: ['musl'] }],
    ['fsevents', {}],
  ])('reads %s', (name, platform) => expect(platformOf(name)).toEqual(platform));
});

describe('missingEntries', () => {
  const tool = {
    version: '2.0.0',
    dev: true,
    optionalDependencies: { 'tool-linux-x64': '2.0.0', 'tool-darwin-x64': '2.0.0' },
  };
  const served = { version: '2.0.0', optional: true };
  const stub = { version: '2.0.0', os: ['darwin'], cpu: ['x64'], dev: true, optional: true };

  it('finds exactly the optional dependencies that no entry answers', () => {
    const packages = { 'node_modules/tool': tool, 'node_modules/tool-linux-x64': served };
    expect(missingEntries(packages)).toEqual([['node_modules/tool-darwin-x64', stub]]);
  });

  it('is satisfied by its own additions', () => {
    const packages = {
      'node_modules/tool': tool,
      'node_modules/tool-linux-x64': served,
      'node_modules/tool-darwin-x64': stub,
    };
    expect(missingEntries(packages)).toEqual([]);
  });

  it('nests a stub where another version already has the place', () => {
    const packages = {
      'node_modules/tool': tool,
      'node_modules/tool-linux-x64': served,
      'node_modules/tool-darwin-x64': { ...stub, version: '1.0.0' },
    };
    expect(missingEntries(packages)).toEqual([['node_modules/tool/node_modules/tool-darwin-x64', stub]]);
  });

  it('looks where Node looks: from a workspace and from a nested package up to the root', () => {
    const packages = {
      'libs/bus': { optionalDependencies: { 'tool-linux-x64': '2.0.0' } },
      'node_modules/a/node_modules/@b/tool': { ...tool, optionalDependencies: { 'tool-linux-x64': '^2.0.0' } },
      'node_modules/tool-linux-x64': served,
    };
    expect(missingEntries(packages)).toEqual([]);
  });

  it('refuses to invent a version', () => {
    expect(() => missingEntries({ a: { optionalDependencies: { b: '*' } } })).toThrow(/cannot make a stub of b/);
  });
});

describe('the command', () => {
  let folder = '';
  const run = (root: string, ...args: string[]) =>
    spawnSync(process.execPath, [path.join(repositoryRoot, 'tools/lock-stubs.mjs'), '--root', root, ...args], {
      encoding: 'utf8',
    });
  const write = (name: string, content: object) => writeFileSync(path.join(folder, name), JSON.stringify(content));

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'lock-'));
    mkdirSync(path.join(folder, 'libs/bus'), { recursive: true });
    write('package.json', { workspaces: ['libs/*'], dependencies: { tool: '2.0.0' } });
    write('libs/bus/package.json', { dependencies: {} });
    write('package-lock.json', {
      packages: {
        '': { dependencies: { tool: '2.0.0' } },
        'libs/bus': {},
        'node_modules/tool': { version: '2.0.0', optionalDependencies: { 'tool-win32-x64': '2.0.0' } },
      },
    });
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('completes the lock, once', () => {
    expect(run(folder, '--check').status).toBe(1);
    expect(run(folder)).toMatchObject({ status: 0, stdout: expect.stringContaining('1 added') });
    const written = readFileSync(path.join(folder, 'package-lock.json'), 'utf8');
    expect(run(folder)).toMatchObject({ status: 0, stdout: expect.stringContaining('0 added') });
    expect(readFileSync(path.join(folder, 'package-lock.json'), 'utf8')).toBe(written);
    expect(run(folder, '--check').status).toBe(0);
  });

  it('tells when a package.json is newer than the lock', () => {
    run(folder);
    write('libs/bus/package.json', { dependencies: { tool: '2.0.0' } });
    expect(run(folder, '--check')).toMatchObject({
      status: 1,
      stdout: expect.stringContaining('libs/bus/package.json'),
    });
  });

  it('finds the lock of this repository complete', () => {
    const { status, stdout } = run(repositoryRoot, '--check');
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'lock: 0 missing, 0 stale\n' });
  });
});
