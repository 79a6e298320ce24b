import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { loadTool } from './tools.fixture.js';

interface BuildTool {
  pruneStale(project: string): string[];
  forgetIfIncomplete(project: string): boolean;
}

const { pruneStale, forgetIfIncomplete } = await loadTool<BuildTool>('build.mjs');

let project = '';

function write(...names: string[]): void {
  for (const name of names) {
    mkdirSync(path.dirname(path.join(project, name)), { recursive: true });
    writeFileSync(path.join(project, name), 'x');
  }
}

function configure(rootDir: string, include: string[]): void {
  const compilerOptions = { rootDir, outDir: 'dist', tsBuildInfoFile: 'dist/.tsbuildinfo' };
  writeFileSync(path.join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include }));
}

const outputs = (stem: string): string[] => ['.js', '.js.map', '.d.ts', '.d.ts.map'].map((suffix) => stem + suffix);
const here = (name: string): boolean => existsSync(path.join(project, name));

beforeEach(() => {
  project = mkdtempSync(path.join(tmpdir(), 'build-'));
  configure('src', ['src']);
});
afterEach(() => rmSync(project, { recursive: true }));

describe('pruneStale', () => {
  it('removes all four outputs of a removed spec, its empty folder, and nothing else', () => {
    write('src/kept.ts', 'dist/.tsbuildinfo', ...outputs('dist/kept'), ...outputs('dist/gone/old.spec'));
    expect(pruneStale(project)).toHaveLength(4);
    expect(here('dist/gone')).toBe(false);
    expect([...outputs('dist/kept'), 'dist/.tsbuildinfo'].every(here)).toBe(true);
  });

  it('follows a project whose outputs keep their source folder', () => {
    configure('.', ['src', 'test']);
    write('src/main.ts', 'test/walk.e2e.spec.ts', 'dist/src/main.js', 'dist/test/walk.e2e.spec.js', 'dist/main.js');
    expect(pruneStale(project)).toEqual([path.join(project, 'dist/main.js')]);
  });

  it('has nothing to do before the first build', () => expect(pruneStale(project)).toEqual([]));
});

describe('forgetIfIncomplete', () => {
  it('makes the compiler start afresh when an output was deleted by hand', () => {
    write('src/a.ts', 'dist/a.js', 'src/b.ts', 'dist/.tsbuildinfo');
    expect(forgetIfIncomplete(project)).toBe(true);
    expect(here('dist/.tsbuildinfo')).toBe(false);
  });

  it('leaves a complete project and one never built alone', () => {
    write('src/a.ts', 'src/types.d.ts');
    expect(forgetIfIncomplete(project)).toBe(false);
    write('dist/a.js', 'dist/.tsbuildinfo');
    expect(forgetIfIncomplete(project)).toBe(false);
    expect(here('dist/.tsbuildinfo')).toBe(true);
  });
});
